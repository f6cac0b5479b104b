/** Highest number that a pull request may have here. */
export const prNumberMax = 2_147_483_647;

/** The number that the address of a pull request ends with, as at GitHub and Gitea; null when it has none. */
export function numberInAddress(url: string): number | null {
  const digits = /\/pulls?\/(\d{1,10})(?:[/?#]|$)/.exec(url)?.[1];
  return validPrNumber(Number(digits));
}

/** The number, when a pull request can have it. */
export function validPrNumber(number: number): number | null {
  return Number.isInteger(number) && number >= 1 && number <= prNumberMax ? number : null;
}

/** The address of a pull request of a repository that is reached over HTTP; null when it is reached otherwise. */
export function addressOf(repoUrl: string | null, number: number): string | null {
  const base = repoUrl && /^https?:\/\/[^?#]+/i.exec(repoUrl.trim())?.[0];
  return base ? `${base.replace(/\/+$/, '').replace(/\.git$/i, '')}/pull/${number}` : null;
}
