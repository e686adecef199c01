// Two languages, each whole: a text that is missing in one does not compile. Only the one that is spoken is loaded.
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import type { en } from './en';

export type Texts = typeof en;
export type Language = 'en' | 'zh';

/** A language and its texts. */
export interface Spoken {
  language: Language;
  t: Texts;
}

interface Words extends Spoken {
  speak: (language: Language) => Promise<void>;
}

const KEPT = 'hansa.language';
const texts: Record<Language, () => Promise<Texts>> = {
  en: async () => (await import('./en')).en,
  zh: async () => (await import('./zh')).zh,
};

const Context = createContext<Words | null>(null);

/** What this person has chosen here before, else what their device speaks. */
export async function firstSpoken(): Promise<Spoken> {
  const kept = localStorage.getItem(KEPT);
  const chinese = kept === 'zh' || (kept !== 'en' && navigator.language.startsWith('zh'));
  const language = chinese ? 'zh' : 'en';
  return { language, t: await texts[language]() };
}

export function Speaking({ first, children }: { first: Spoken; children: ReactNode }) {
  const [spoken, setSpoken] = useState(first);
  useEffect(() => {
    document.documentElement.lang = spoken.language === 'zh' ? 'zh-Hans' : 'en';
  }, [spoken]);
  const words = useMemo(
    () => ({
      ...spoken,
      speak: async (language: Language) => {
        setSpoken({ language, t: await texts[language]() });
        localStorage.setItem(KEPT, language);
      },
    }),
    [spoken],
  );
  return <Context.Provider value={words}>{children}</Context.Provider>;
}

export function useWords(): Words {
  const words = useContext(Context);
  if (!words) throw new Error('nothing is spoken outside of Speaking');
  return words;
}
