import { blocksOf, runBlocks } from '../../support/pageCommands';

const PAGE = `# A page

\`\`\`sh
one=1
echo $one
\`\`\`

\`\`\`console
$ not a command
\`\`\`

<!-- not run: needs an account of yours -->

\`\`\`sh
rm -rf /
\`\`\`

<!-- may exit with 3 -->
\`\`\`sh
(exit 3)
[ "$one" = 1 ]
\`\`\`
`;

describe('commands of a page', () => {
  it('are its sh blocks, but those that say why they are not run', () => {
    expect(blocksOf('a.md', PAGE)).toEqual([
      { at: 'a.md:3', script: 'one=1\necho $one' },
      { at: 'a.md:19', script: '(exit 3)\n[ "$one" = 1 ]', mayExit: 3 },
    ]);
    expect(() => blocksOf('a.md', '```sh\nno end')).toThrow('a.md:1: this block does not end');
  });

  it('run in one shell, one after the other', async () => {
    await runBlocks(blocksOf('a.md', PAGE), '/');
  });

  it.each([
    ['false\ntrue', /^a\.md:1: exit code 1 of: false$/m],
    ['true\nsh -c "exit 4"\ntrue', /^a\.md:1: exit code 4 of: sh -c/m],
  ])('that fail are named, also in the middle of a block: %j', async (script, said) => {
    await expect(runBlocks([{ at: 'a.md:1', script }], '/')).rejects.toThrow(said);
  });
});
