// What kinds of documents say of themselves: titles, words, sections and acts.
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useWords } from '../i18n';
import { documents } from '../rpc';
import { person } from '../session';

export interface Section {
  is: 'head' | 'lines' | 'answers' | 'receipts' | 'remark' | 'form' | 'prices';
  of?: string;
  title?: Record<string, string>;
  schema?: unknown;
}

export interface Act {
  by: string[];
  from: string[];
  writes?: string[];
  may_write?: string[];
  to: string | Record<string, string>;
}

export interface Definition {
  name: string;
  title: Record<string, string>;
  roles: string[];
  customer?: { of: string };
  refers_to?: { kind: string; in: string[] };
  sections: Record<string, Section>;
  words?: Record<string, Record<string, string>>;
  states: Record<string, { waits_for?: string; end?: boolean }>;
  acts: Record<string, Act>;
}

const plain = (word: string) => word.charAt(0).toUpperCase() + word.slice(1).replaceAll('_', ' ');

export function useKinds() {
  const { t, language } = useWords();
  const query = useQuery({
    queryKey: ['kind'],
    queryFn: () => documents.listKinds({}),
    staleTime: 60_000,
    enabled: person()?.may.includes('document.read') ?? false,
  });
  return useMemo(() => {
    const all = new Map<string, Definition>();
    // The newest version of each comes last.
    for (const kind of query.data?.kinds ?? []) all.set(kind.name, JSON.parse(kind.definition) as Definition);
    const definition = (kind: string) => all.get(kind);
    return {
      all,
      definition,
      title: (kind: string) => definition(kind)?.title[language] ?? definition(kind)?.title.en ?? plain(kind),
      word: (kind: string, word: string) => {
        const words = definition(kind)?.words;
        return words?.[language]?.[word] ?? t.kindWords[word] ?? words?.en?.[word] ?? plain(word);
      },
    };
  }, [query.data, language, t]);
}
