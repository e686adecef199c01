// An article as people name it, and what they set of one level of it.
import { Autocomplete, Button, Group, NativeSelect, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import type { ItemStock } from '../gen/hansa/inventory/v1/staff_pb';
import { useWords } from '../i18n';
import { inventory } from '../rpc';
import { FormButton } from './act';

/** 8, 12, 13 or 14 digits are a GTIN (GS1 General Specifications), all else is an article number. */
const isGtin = (text: string) => /^\d{8}$|^\d{12,14}$/.test(text);

export const itemOf = (text: string) =>
  isGtin(text) ? { ref: { case: 'gtin' as const, value: text } } : { ref: { case: 'sku' as const, value: text } };

/** The same, where an article has fields of its own. */
export const namedBy = (text: string) => (isGtin(text) ? { gtin: text } : { sku: text });

/** Letters before articles are looked for, how many are shown, and how long a person pauses between two words. */
const LETTERS_MIN = 2;
const SHOWN_MAX = 8;
const PAUSE = 200;

/** Articles of ours that have the words in their names, while somebody is typing. */
function useKnown(text: string): ItemStock[] {
  const [words] = useDebouncedValue(text.trim(), PAUSE);
  const query = useQuery({
    queryKey: ['article', words],
    queryFn: () => inventory.listItems({ text: words, pageSize: SHOWN_MAX }),
    enabled: words.length >= LETTERS_MIN,
  });
  return words.length >= LETTERS_MIN ? (query.data?.items ?? []) : [];
}

function Known({ one }: { one?: ItemStock }) {
  return (
    <Stack gap={0}>
      <Text size="sm">{one?.name || one?.sku}</Text>
      <Text size="xs" c="dimmed" className="code">
        {[one?.sku, one?.gtin].filter(Boolean).join(' · ')}
      </Text>
    </Stack>
  );
}

/** An article: its number or GTIN as they stand, or words of its name, to choose from what is found. */
export function ItemField({
  value,
  change,
  chosen,
}: {
  value: string;
  change: (item: string) => void;
  chosen?: (item: string) => void;
}) {
  const { t } = useWords();
  const known = useKnown(value);
  const nameOf = (one: ItemStock) => one.gtin || one.sku;
  return (
    <Autocomplete
      label={t.stock.article}
      data={known.map(nameOf)}
      filter={({ options }) => options}
      renderOption={({ option }) => <Known one={known.find((one) => nameOf(one) === option.value)} />}
      value={value}
      onChange={change}
      onOptionSubmit={chosen}
    />
  );
}

interface Search {
  /** Of the stock page. */
  tab: string;
  submit?: string;
  /** All of them are shown when none is named. */
  all?: boolean;
  children?: ReactNode;
}

/** Which article: it stands in the address. What is being typed is this form's own, so that a list beside it rests meanwhile. */
export function ItemSearch({ tab, submit, all = false, children }: Search) {
  const { t } = useWords();
  const [, open] = useLocation();
  const asked = new URLSearchParams(useSearch()).get('item') ?? '';
  const [text, setText] = useState(asked);
  const go = (item: string) => open(`/stock?tab=${tab}${item ? `&item=${encodeURIComponent(item)}` : ''}`);
  const find = (event: FormEvent) => {
    event.preventDefault();
    go(text.trim());
  };
  return (
    <form onSubmit={find}>
      <Group align="flex-end">
        <ItemField value={text} change={setText} chosen={go} />
        <Button type="submit" variant={all ? 'default' : 'filled'} disabled={!all && text.trim() === ''}>
          {submit ?? t.common.find}
        </Button>
        {children}
      </Group>
    </form>
  );
}

interface Set {
  item: ReturnType<typeof itemOf>;
  location: string;
  lot: string;
  units: bigint;
}

interface Props {
  label: string;
  /** What the units are. */
  units: string;
  rule?: string;
  variant?: string;
  work: (set: Set) => Promise<unknown>;
}

/** One level: which article, where, and how many units. */
export function LevelForm({ label, units, rule, variant, work }: Props) {
  const { t } = useWords();
  const [item, setItem] = useState('');
  const [chosen, setLocation] = useState('');
  const [lot, setLot] = useState('');
  const [many, setMany] = useState<number | string>('');
  const places = useQuery({ queryKey: ['location'], queryFn: () => inventory.listLocations({}) });
  const all = places.data?.locations ?? [];
  // Whoever has one place does not choose.
  const location = chosen || (all.length === 1 ? (all[0]?.code ?? '') : '');
  return (
    <FormButton
      label={label}
      submit={t.common.save}
      variant={variant}
      ready={item.trim() !== '' && location !== '' && many !== ''}
      work={() => work({ item: itemOf(item.trim()), location, lot: lot.trim(), units: BigInt(many) })}
      touched={['level']}
      done={() => {
        setItem('');
        setLot('');
        setMany('');
      }}
    >
      <ItemField value={item} change={setItem} />
      <NativeSelect
        label={t.stock.place}
        data={[
          { value: '', label: '' },
          ...all.map((one) => ({ value: one.code, label: one.name ? `${one.name} (${one.code})` : one.code })),
        ]}
        value={location}
        onChange={(event) => setLocation(event.currentTarget.value)}
      />
      <TextInput
        label={t.figures.low.lot}
        value={lot}
        maxLength={20}
        onChange={(event) => setLot(event.currentTarget.value)}
      />
      <NumberInput
        label={units}
        description={rule}
        value={many}
        onChange={setMany}
        min={0}
        max={1_000_000_000}
        allowDecimal={false}
      />
    </FormButton>
  );
}
