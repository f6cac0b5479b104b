/** A text of at most so many characters: its beginning and its end, and between them how much is missing. */
export function excerpt(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const left = Math.floor((lengthMax - 60) / 2);
  const missing = text.length - 2 * left;
  return `${text.slice(0, left)}\n[... ${missing} characters are left out ...]\n${text.slice(-left)}`;
}
