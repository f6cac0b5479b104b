import { useState, useSyncExternalStore } from 'react';
import { MoonIcon, SunIcon } from './icons.js';
import { keep, readKept } from './kept.js';

const key = 'baton.theme';
type Theme = 'light' | 'dark';

/** Puts the theme that was chosen here before into force; without one, the system's holds. */
export function applyTheme(): void {
  const chosen = readKept('browser', key);
  if (chosen) document.documentElement.dataset.theme = chosen;
}

export function ThemeToggle() {
  const isSystemDark = useSyncExternalStore(onSystemChange, () => systemDark().matches);
  const [chosen, setChosen] = useState(() => document.documentElement.dataset.theme);
  const theme: Theme = isTheme(chosen) ? chosen : isSystemDark ? 'dark' : 'light';
  const other: Theme = theme === 'dark' ? 'light' : 'dark';
  const toggle = () => {
    keep('browser', key, other);
    applyTheme();
    setChosen(other);
  };
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={`Use the ${other} theme`}
      title={`Use the ${other} theme`}
      onClick={toggle}
    >
      {theme === 'dark' ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}

function isTheme(value: string | undefined): value is Theme {
  return value === 'light' || value === 'dark';
}

function systemDark(): MediaQueryList {
  return matchMedia('(prefers-color-scheme: dark)');
}

/** Calls back when the system changes its theme, as it may with the time of day. */
function onSystemChange(callback: () => void): () => void {
  const query = systemDark();
  query.addEventListener('change', callback);
  return () => query.removeEventListener('change', callback);
}
