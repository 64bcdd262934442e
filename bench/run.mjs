// npm run bench [name …]: all benchmarks, or those that are named.
import { CannotGoOn } from '../local/setup/say.mjs';

const BENCHES = {
  'local-aws': () => import('./local-aws.mjs'),
  backup: () => import('./backup.mjs'),
  encrypt: () => import('./encrypt.mjs'),
};

// Said once in the README.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in BENCHES));
if (unknown.length > 0)
  throw new CannotGoOn(
    `no such benchmark: ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`,
  );
for (const name of asked.length > 0 ? asked : Object.keys(BENCHES)) {
  const { measure } = await BENCHES[name]();
  await measure();
}
process.exit();
