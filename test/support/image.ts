import { execFileSync, spawnSync } from 'node:child_process';
import {
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram } from './packages.ts';
import { ROOT } from './process.ts';

/** The base image of the Dockerfile. A copy of it is made here without a registry: the same Node on a bare Debian. */
const BASE = /^ARG NODE=(node:(\d+)\S*)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
const CERTIFICATES = '/etc/ssl/certs';

/** The part of an image's configuration that a container runtime uses. */
export interface ImageConfig {
  User: string;
  Env: string[];
  Cmd: string[];
  Entrypoint: string[] | null;
  WorkingDir: string;
  Volumes: Record<string, object>;
  ExposedPorts: Record<string, object>;
  StopSignal: string;
  Labels: Record<string, string>;
  Healthcheck: { Test: string[] };
}

/** Why this machine cannot build an image; null if it can. */
export function whyNoImage(): string | null {
  const major = process.versions.node.split('.')[0];
  if (BASE?.[2] !== major) {
    return `the image runs Node ${BASE?.[2]}, and its base is made from the Node of the tests, which is ${major}`;
  }
  if (process.getuid?.() !== 0) return 'only root may change the root directory';
  const missing = (['buildah', 'mmdebstrap'] as const).find((name) => !findProgram(name));
  return missing ? `${missing} is not installed` : null;
}

/** A separate store of images, in `dir`. */
export function createBuilder(dir: string) {
  const buildah = (...args: string[]) => {
    const all = ['--root', join(dir, 'images'), '--runroot', join(dir, 'run'), ...args];
    const { status, stdout, stderr } = spawnSync('buildah', all, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 });
    if (status !== 0) throw new Error(`buildah ${args[0]} failed:\n${stdout}${stderr}`);
    return stdout.trim();
  };
  return {
    /** Builds the Dockerfile on a base made here, with nothing pulled. */
    build(tag: string): ImageConfig {
      const container = buildah('from', 'scratch');
      buildah('add', container, makeBaseRoot(join(dir, 'base')), '/');
      // As in the official image.
      buildah('config', '--entrypoint', '["docker-entrypoint.sh"]', '--cmd', 'node', container);
      buildah('config', '--env', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', container);
      buildah('commit', '--quiet', '--disable-compression', container, `docker.io/library/${BASE?.[1]}`);
      const mounts = npmAccess(dir).flatMap((mount) => ['--volume', mount]);
      // The OCI format has no health check.
      buildah('bud', '--isolation', 'chroot', '--format', 'docker', '--pull=never', ...mounts, '--tag', tag, '.');
      return JSON.parse(buildah('inspect', '--type', 'image', tag)).Docker.config;
    },
    /** The directory of a new container's root file system. */
    mount: (tag: string) => buildah('mount', buildah('from', '--pull=never', tag)),
    close: () => void buildah('rm', '--all'),
  };
}

/** The files of the base image that Node needs, and the npm and the Node that run this test. */
function makeBaseRoot(root: string): string {
  const needed = 'dash,coreutils,libstdc++6,libatomic1';
  execFileSync('mmdebstrap', ['--quiet', '--variant=extract', `--include=${needed}`, codename(), root]);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  const local = join(root, 'usr/local');
  for (const made of ['bin', 'lib/node_modules']) mkdirSync(join(local, made), { recursive: true });
  for (const made of ['root', 'tmp']) mkdirSync(join(root, made), { recursive: true });
  copyFileSync(process.execPath, join(local, 'bin/node'));
  const npm = dirname(dirname(realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim())));
  cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  return root;
}

function codename(): string {
  const name = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (name === undefined) throw new Error('/etc/os-release does not name a release of Debian');
  return name;
}

/** Lets the build use this machine's registry settings and cache; none of them gets into the image. */
function npmAccess(dir: string): string[] {
  const setting = (key: string) => execFileSync('npm', ['config', 'get', key], { encoding: 'utf8' }).trim();
  const [own, theirs, cache] = [join(dir, 'npmrc'), setting('userconfig'), setting('cache')];
  writeFileSync(own, `${existsSync(theirs) ? readFileSync(theirs, 'utf8') : ''}\nprefer-offline=true\n`);
  mkdirSync(cache, { recursive: true });
  const certificates = existsSync(CERTIFICATES) ? [`${CERTIFICATES}:${CERTIFICATES}:ro`] : [];
  return [`${own}:/root/.npmrc:ro`, `${cache}:/root/.npm`, ...certificates];
}

/**
 * The command line that runs `command` as a container runtime would: in the image's root file system, which is
 * read-only except for `data`, in its directory and as its user. The command keeps the process id and gets the signals.
 */
export function inContainer(
  root: string,
  { User, WorkingDir }: ImageConfig,
  data: string,
  command: string[],
): string[] {
  const [uid = '', gid = ''] = User.split(':');
  chownSync(data, Number(uid), Number(gid));
  const script = `
    mount --rbind "$1" "$1" && mount -o remount,ro,bind "$1" && mount --bind "$2" "$1/data" && mount --rbind /dev "$1/dev"
    root=$1; shift 2
    exec unshare "--root=$root" --wd=${WorkingDir} --setgid=${gid} --setuid=${uid} "$@"`;
  return ['unshare', '--mount', 'sh', '-ec', script, 'sh', root, data, ...command];
}
