// What apps say of themselves.
import type { App } from '../gen/hansa/apps/v1/staff_pb';
import { useWords } from '../i18n';

/** A text of an app in the reader's language, or in English, or in whatever it has. */
export function useSaid() {
  const { language } = useWords();
  return (texts: Record<string, string>) => texts[language] ?? texts.en ?? Object.values(texts)[0] ?? '';
}

export const appPath = (app: App) => `/apps/${app.publisher}/${app.name}`;
