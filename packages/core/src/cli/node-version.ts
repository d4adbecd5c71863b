/** Whether this Node can run the packages. It imports nothing: it must load where they do not. Also in front of every door of a built package (scripts/bundle.ts). */

/** What is wrong with a version of Node, if anything, and what to do. @param least  what `engines` of package.json says, `24.21` */
export function refusalOfNode(version: string, least: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number);
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return undefined;
  return `this is Node ${version} (${process.execPath}), and Node ${least} or newer is needed: install one from https://nodejs.org or with a version manager (nvm install ${leastMajor}), and see that \`node --version\` says so`;
}
