import { useState } from 'react';
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
  const [theme, setTheme] = useState<Theme>(current);
  const other: Theme = theme === 'dark' ? 'light' : 'dark';
  const toggle = () => {
    keep('browser', key, other);
    applyTheme();
    setTheme(other);
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

function current(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}
