import { useNow } from '../live/use-now.js';

/** `12 s`, `4 min`, `3 h`, `2 d`: one unit, for a length of time that people glance at. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `0:09`, `4:05`, `1:02:03`: what is left, to the second. */
export function formatCountdown(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** The clocks are compared no better than to some milliseconds. */
export function formatLag(milliseconds: number): string {
  if (milliseconds < 5) return '< 5 ms';
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : formatAge(milliseconds);
}

/** How long ago something was, kept right, with the exact time on hover. */
export function Ago({ at }: { at: string }) {
  const age = useNow() - Date.parse(at);
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {age < 5000 ? 'just now' : `${formatAge(age)} ago`}
    </time>
  );
}
