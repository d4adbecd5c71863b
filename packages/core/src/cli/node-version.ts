/** Whether this Node can run the package. It imports nothing of ours: it must load where that does not. */
import { readFileSync } from 'node:fs';

/** What is wrong with a version of Node, if anything; the least one is what `engines` of package.json says. */
export function refusalOfNode(version: string): string | undefined {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { engines: { node: string } };
  const least = engines.node.replace('>=', '');
  const [[major = 0, minor = 0], [leastMajor = 0, leastMinor = 0]] = [version, least].map((text) => text.split('.').map(Number)) as [number[], number[]];
  return major > leastMajor || (major === leastMajor && minor >= leastMinor) ? undefined : `this is Node ${version}, and it needs ${least} or newer`;
}
