// An article as people name it, and what they set of one level of it.
import { NativeSelect, NumberInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useWords } from '../i18n';
import { inventory } from '../rpc';
import { FormButton } from './act';

/** 8, 12, 13 or 14 digits are a GTIN (GS1 General Specifications), all else is an article number. */
const isGtin = (text: string) => /^\d{8}$|^\d{12,14}$/.test(text);

export const itemOf = (text: string) =>
  isGtin(text) ? { ref: { case: 'gtin' as const, value: text } } : { ref: { case: 'sku' as const, value: text } };

/** The same, where an article has fields of its own. */
export const namedBy = (text: string) => (isGtin(text) ? { gtin: text } : { sku: text });

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
      <TextInput
        label={t.stock.find}
        value={item}
        onChange={(event) => setItem(event.currentTarget.value)}
        data-autofocus
      />
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
