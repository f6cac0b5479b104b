/** Where Redis is. */
export interface RedisAddress {
  /** Of one server its URL; of a cluster those of some nodes, by which the others are found. At least one. */
  urls: readonly string[];
  isCluster: boolean;
}

/** The hosts, for the log: without credentials. */
export function redisHosts({ urls }: RedisAddress): string {
  return urls.map((url) => new URL(url).host).join(',');
}

/** The address of another node of the same cluster: all but host and port of the URLs of a cluster are the same. */
export function atNode(url: string, host: string, port: number): string {
  const other = new URL(url);
  other.host = `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
  return other.href;
}
