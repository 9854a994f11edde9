import { useEffect, useState } from 'preact/hooks';
import { Icon } from './icon';

const KEY = 'darkroom-theme';
type Theme = 'light' | 'dark';

/** The system's choice holds until somebody chooses here. */
export function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(
    () => stored() ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'),
  );
  useEffect(() => {
    const chosen = stored();
    if (chosen) document.documentElement.dataset['theme'] = chosen;
    const media = matchMedia('(prefers-color-scheme: dark)');
    const follow = (): void => setTheme(stored() ?? (media.matches ? 'dark' : 'light'));
    media.addEventListener('change', follow);
    return () => media.removeEventListener('change', follow);
  }, []);
  const other: Theme = theme === 'dark' ? 'light' : 'dark';
  const choose = (): void => {
    localStorage.setItem(KEY, other);
    document.documentElement.dataset['theme'] = other;
    setTheme(other);
  };
  return (
    <button type="button" class="icon-button" aria-label={`Use the ${other} colours`} onClick={choose}>
      <Icon name={theme === 'dark' ? 'sun' : 'moon'} />
    </button>
  );
}

function stored(): Theme | undefined {
  const value = localStorage.getItem(KEY);
  return value === 'light' || value === 'dark' ? value : undefined;
}
