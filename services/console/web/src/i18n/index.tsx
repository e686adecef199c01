// Two languages, each whole: a text that is missing in one does not compile.
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { en } from './en';
import { zh } from './zh';

export type Texts = typeof en;
export type Language = 'en' | 'zh';

const KEPT = 'hansa.language';
const known: Record<Language, Texts> = { en, zh };

interface Words {
  t: Texts;
  language: Language;
  speak: (language: Language) => void;
}

const Context = createContext<Words>({ t: en, language: 'en', speak: () => undefined });

function first(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.language.startsWith('zh') ? 'zh' : 'en';
}

export function Speaking({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(first);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
  }, [language]);
  const words = useMemo(
    () => ({
      t: known[language],
      language,
      speak: (next: Language) => {
        localStorage.setItem(KEPT, next);
        setLanguage(next);
      },
    }),
    [language],
  );
  return <Context.Provider value={words}>{children}</Context.Provider>;
}

export const useWords = () => useContext(Context);
