import { readFileSync } from 'node:fs';
import { shared } from '../support/shared';

/** `GET clock` and the like, of the table under "Control". */
const documented = () => {
  const page = readFileSync('docs/reference/local-aws.md', 'utf8');
  const table = page.slice(page.indexOf('## Control'), page.indexOf('A fault rule'));
  return [...table.matchAll(/`(GET|POST|DELETE) ([a-zA-Z-]+)/g)].map(
    ([, method, path]) => `${method} ${path}`,
  );
};

describe('the controls of the local AWS', () => {
  it('are those that its page tells of', async () => {
    const answer = await fetch(`${shared('awsEndpoint')}/_local/no-such-control`);
    const { error } = (await answer.json()) as { error: string };
    const known = [...error.matchAll(/(GET|POST|DELETE) \/_local\/([a-zA-Z-]+)/g)];
    expect(answer.status).toBe(404);
    expect(known.map(([, method, path]) => `${method} ${path}`).toSorted()).toEqual(documented().toSorted());
  });
});
