/** How git is to reach a repository. */
export interface RepositoryAccess {
  /** Address without any credential in it. */
  url: string;
  /** Configuration for git, which it reads from its environment: it stands in no argument and in no file. */
  config: [name: string, value: string][];
}

/**
 * Keeps credentials out of the process list and of `.git/config`. A token goes to `https://github.com` only; what the
 * address itself carries, to the host that it names. Source: contracts.md 4.3.
 */
export function accessTo(repoUrl: string, token: string | undefined): RepositoryAccess {
  if (!/^https?:\/\//i.test(repoUrl) || !URL.canParse(repoUrl)) return { url: repoUrl, config: [] };
  const url = new URL(repoUrl);
  const { username, password, origin } = url;
  url.username = '';
  url.password = '';
  const own = username || password ? `${decodeURIComponent(username)}:${decodeURIComponent(password)}` : undefined;
  const basic = origin === 'https://github.com' && token ? `x-access-token:${token}` : own;
  // Only what git asks for at this host; a redirect to another one gets no header.
  const header = `Authorization: Basic ${Buffer.from(basic ?? '').toString('base64')}`;
  return {
    url: username || password ? url.href : repoUrl,
    config: basic === undefined ? [] : [[`http.${origin}/.extraHeader`, header]],
  };
}
