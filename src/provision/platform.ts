/** What decides whether the pinned server pair runs on a machine. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
  /** Version of glibc, e.g. `2.36`; absent on other C libraries such as musl. */
  readonly glibc?: string;
}

/** This machine. */
export function currentPlatform(): Platform {
  const { platform: os, arch } = process;
  // The type of the report is `object`: its header is documented, but not declared.
  const report = os === 'linux' ? (process.report.getReport() as { header?: Record<string, unknown> }) : {};
  const glibc = report.header?.glibcVersionRuntime;
  return typeof glibc === 'string' ? { os, arch, glibc } : { os, arch };
}

/** Why the pair cannot run there, or nothing when it can. */
export function pairObstacle({ os, arch, glibc }: Platform): string | undefined {
  if (os !== 'linux' || arch !== 'x64') return `it is for Linux on x86_64, this is ${os} on ${arch}`;
  if (glibc === undefined) return 'it needs glibc 2.31 or newer, this system has another C library (musl?)';
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  if (major < 2 || (major === 2 && minor < 31))
    return `it needs glibc 2.31 or newer, this system has ${glibc}`;
  return undefined;
}
