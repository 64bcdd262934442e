import { Argument, type Command } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type ShellName = (typeof SHELLS)[number];

/** What may follow, after the words of a command and, where an option takes one of few values, after that option. */
interface Offer {
  after: string;
  words: string[];
}

/** `holdfast completion …`: a script that completes commands, options and their values; nothing is connected to. */
export function completionCommand(program: Command): void {
  program
    .command('completion')
    .description('a script that has a shell complete holdfast; for bash: source <(holdfast completion bash)')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((name: ShellName) => {
      process.stdout.write(`${scriptFor(name, offersOf(program))}\n`);
    });
}

export function scriptFor(name: ShellName, offers: readonly Offer[]): string {
  if (name === 'fish') return fishScript(offers);
  return name === 'zsh' ? `${ZSH}\n${bashScript(offers)}` : bashScript(offers);
}

/** Of a command and all below it. */
export function offersOf(command: Command, path: readonly string[] = []): Offer[] {
  const below = command.commands;
  const options = command.options.filter(({ hidden }) => !hidden);
  const values = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
  const flags = options.flatMap(({ long }) => long ?? []);
  return [
    { after: path.join(' '), words: [...below.map((each) => each.name()), ...values, ...flags, '--help'] },
    ...options.flatMap(({ argChoices, long, short }) =>
      argChoices
        ? [long, short].flatMap((flag) =>
            flag ? { after: [...path, flag].join(' '), words: argChoices } : [],
          )
        : [],
    ),
    ...below.flatMap((each) => offersOf(each, [...path, each.name()])),
  ];
}

/** zsh reads completions of bash's when it is asked to: https://zsh.sourceforge.io/Doc/Release/Completion-System.html */
const ZSH = `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
autoload -Uz bashcompinit && bashcompinit`;

/** The words so far are a command's where they are a key of the table; anything else is an argument, and passed over. */
function bashScript(offers: readonly Offer[]): string {
  const commands = offers.map(({ after }) => after).filter((after) => after !== '' && !/(^| )-/.test(after));
  return [
    '_holdfast() {',
    '  local so_far="" i=1 word="\${COMP_WORDS[COMP_CWORD]}" offered=""',
    '  while [ "$i" -lt "$COMP_CWORD" ]; do',
    '    case "\${so_far:+$so_far }\${COMP_WORDS[i]}" in',
    `      ${commands.map((path) => `"${path}"`).join('|')}) so_far="\${so_far:+$so_far }\${COMP_WORDS[i]}" ;;`,
    '    esac',
    '    i=$((i + 1))',
    '  done',
    '  case "\${so_far:+$so_far }\${COMP_WORDS[COMP_CWORD-1]}" in',
    ...offers
      .filter(({ after }) => /(^| )-/.test(after))
      .map(({ after, words }) => `    "${after}") offered="${words.join(' ')}" ;;`),
    '    *) case "$so_far" in',
    ...offers
      .filter(({ after }) => !/(^| )-/.test(after))
      .map(({ after, words }) => `      "${after}") offered="${words.join(' ')}" ;;`),
    '    esac ;;',
    '  esac',
    '  COMPREPLY=($(compgen -W "$offered" -- "$word"))',
    '}',
    'complete -o default -F _holdfast holdfast',
  ].join('\n');
}

function fishScript(offers: readonly Offer[]): string {
  return offers
    .flatMap(({ after, words }) => {
      const path = after.split(' ').filter((word) => word !== '');
      const flag = path.at(-1)?.startsWith('-') ? path.pop() : undefined;
      const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
      const below = offers
        .filter((other) => isRightBelow(other.after, path.join(' ')))
        .map((other) => other.after.split(' ').at(-1));
      const when = [
        ...seen,
        ...(below.length > 0 ? [`not __fish_seen_subcommand_from ${below.join(' ')}`] : []),
      ].join('; and ');
      const condition = when ? ` -n '${when}'` : '';
      if (flag) return [`complete -c holdfast${condition} ${fishFlag(flag)} -xa '${words.join(' ')}'`];
      return words.map((word) =>
        word.startsWith('--')
          ? `complete -c holdfast${condition} -l ${word.slice(2)}`
          : `complete -c holdfast${condition} -a ${word}`,
      );
    })
    .join('\n');
}

function fishFlag(flag: string): string {
  return flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
}

function isRightBelow(after: string, path: string): boolean {
  const rest = path === '' ? after : after.startsWith(`${path} `) ? after.slice(path.length + 1) : '';
  return rest !== '' && !rest.includes(' ') && !rest.startsWith('-');
}
