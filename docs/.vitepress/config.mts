import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitepress';

/** The repository's own Markdown, at the paths that it has there: every link works on the site as on a code host. */
const ROOT = new URL('../../', import.meta.url);

const pagesIn = (folder: string) =>
  readdirSync(new URL(folder, ROOT))
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .toSorted();

const workflows = pagesIn('docs/reference/workflows/').map((name) => ({
  text: name.replace(/\.md$/, ''),
  link: `/docs/reference/workflows/${name}`,
}));

const decisions = pagesIn('docs/adr/').map((name) => ({
  text: name.replace(/\.md$/, '').replaceAll('-', ' '),
  link: `/docs/adr/${name}`,
}));

export default defineConfig({
  title: 'Holdfast',
  description: 'EC2 data protection that finishes what it starts',
  srcDir: '..',
  srcExclude: ['{src,test,local,bench,policies,deploy,coverage,conformance}/**'],
  outDir: '../.holdfast/site',
  cacheDir: '../.holdfast/site-cache',
  rewrites: { 'README.md': 'index.md' },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'First steps', link: '/docs/guides/first-steps' },
      { text: 'Workflows', link: '/docs/reference/workflows/README' },
      { text: 'Changes', link: '/CHANGELOG' },
    ],
    sidebar: [
      { text: 'Holdfast', link: '/' },
      {
        text: 'Guides',
        items: [
          { text: 'First steps', link: '/docs/guides/first-steps' },
          { text: 'From a shell, and from a program', link: '/docs/guides/command-line' },
          { text: 'Backup policies', link: '/docs/guides/backups' },
          { text: 'Encrypting a fleet', link: '/docs/guides/encryption' },
          { text: 'Encrypting snapshots', link: '/docs/guides/snapshots' },
          { text: 'Keys and images', link: '/docs/guides/images' },
          { text: 'Watching', link: '/docs/guides/watching' },
          { text: 'In production', link: '/docs/guides/production' },
        ],
      },
      {
        text: 'Reference',
        items: [
          {
            text: 'Workflows',
            link: '/docs/reference/workflows/README',
            collapsed: true,
            items: workflows,
          },
          { text: 'Messages', link: '/docs/reference/messages' },
          { text: 'Configuration', link: '/docs/reference/configuration' },
          { text: 'The local AWS', link: '/docs/reference/local-aws' },
          { text: 'Measurements', link: '/docs/reference/measurements' },
        ],
      },
      {
        text: 'Explanations',
        items: [{ text: 'Decisions', link: '/docs/adr/README', collapsed: true, items: decisions }],
      },
      {
        text: 'The project',
        items: [
          { text: 'Changes', link: '/CHANGELOG' },
          { text: 'Contributing', link: '/CONTRIBUTING' },
        ],
      },
    ],
  },
});
