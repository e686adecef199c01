// What is offered: prices from quantities on, line by line or in a file.
import { create } from '@bufbuild/protobuf';
import { Button, Card, FileButton, Group, SimpleGrid, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { upload } from '../device/queue';
import { decimal, parseDecimal } from '../format';
import {
  type PriceBreak,
  PriceBreakSchema,
  type PriceLine,
  PriceLineSchema,
  type Prices,
} from '../gen/hansa/documents/v1/types_pb';
import { useWords } from '../i18n';
import { useAct } from './act';
import { Refused } from './states';

/** What is typed stays as it is typed, and counts once it is a number. */
function DecimalInput({
  label,
  value,
  change,
}: {
  label: string;
  value?: { value: bigint; scale: number };
  change: (read: { value: bigint; scale: number } | undefined) => void;
}) {
  const [text, setText] = useState(value ? decimal(value.value, value.scale) : '');
  const { t } = useWords();
  const wrong = text.trim() !== '' && !parseDecimal(text);
  return (
    <TextInput
      label={label}
      inputMode="decimal"
      value={text}
      error={wrong ? t.prices.noNumber : undefined}
      onChange={(event) => {
        setText(event.currentTarget.value);
        change(parseDecimal(event.currentTarget.value));
      }}
    />
  );
}

const exact = (read: { value: bigint; scale: number } | undefined) =>
  read && { ...read, $typeName: 'hansa.types.v1.Decimal' as const };

export function PriceFields({ prices, change }: { prices: Prices; change: (prices: Prices) => void }) {
  const { t } = useWords();
  const set = (next: Partial<Prices>) => change({ ...prices, ...next });
  const day = (name: 'validFrom' | 'validUntil', label: string) => (
    <TextInput
      type="date"
      label={label}
      value={prices[name]}
      onChange={(event) => set({ [name]: event.currentTarget.value })}
    />
  );
  const line = (place: number, next: PriceLine) =>
    set({ lines: prices.lines.map((one, at) => (at === place ? next : one)) });
  const more = () => {
    const id = String(1 + Math.max(0, ...prices.lines.map((one) => Number(one.id) || 0)));
    set({ lines: [...prices.lines, create(PriceLineSchema, { id, breaks: [{}] })] });
  };
  return (
    <Stack gap="xs">
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {day('validFrom', t.prices.from)}
        {day('validUntil', t.prices.until)}
        <TextInput
          label={t.prices.incoterm}
          placeholder="DAP Bergen"
          maxLength={200}
          value={prices.incoterm}
          onChange={(event) => set({ incoterm: event.currentTarget.value })}
        />
        <DecimalInput
          label={t.prices.blanket}
          value={prices.blanket}
          change={(read) => set({ blanket: exact(read) })}
        />
      </SimpleGrid>
      <Textarea
        label={t.head.note}
        value={prices.note}
        onChange={(event) => set({ note: event.currentTarget.value })}
        autosize
      />
      <PriceFile prices={prices} set={set} />
      {!prices.list && (
        <>
          {prices.lines.map((one, place) => (
            <LineCard
              key={one.id}
              line={one}
              change={(next) => line(place, next)}
              remove={() => set({ lines: prices.lines.filter((_, at) => at !== place) })}
            />
          ))}
          <Group>
            <Button size="xs" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={more}>
              {t.prices.article}
            </Button>
          </Group>
        </>
      )}
    </Stack>
  );
}

/** A file in place of lines. */
function PriceFile({ prices, set }: { prices: Prices; set: (next: Partial<Prices>) => void }) {
  const { t } = useWords();
  const bring = useAct(
    // What a browser calls it depends on which programs are installed.
    async (file: File) => upload({ name: file.name, type: 'text/csv', bytes: await file.arrayBuffer() }),
    [],
    (list) => set({ list, lines: [] }),
  );
  return (
    <Stack gap={4}>
      <Group>
        <FileButton onChange={(file) => file && bring.mutate(file)} accept=".csv,text/csv">
          {(props) => (
            <Button {...props} size="xs" variant="default" loading={bring.isPending}>
              {t.prices.file}
            </Button>
          )}
        </FileButton>
        {prices.list && (
          <>
            <Text size="sm">{prices.list.name}</Text>
            <Button
              size="compact-xs"
              variant="subtle"
              color="red"
              onClick={() => set({ list: undefined, lines: [create(PriceLineSchema, { id: '1', breaks: [{}] })] })}
            >
              {t.common.remove}
            </Button>
          </>
        )}
      </Group>
      <Text size="xs" c="dimmed">
        {t.prices.fileRule}
      </Text>
      {bring.isError && <Refused error={bring.error} />}
    </Stack>
  );
}

interface LineProps {
  line: PriceLine;
  change: (line: PriceLine) => void;
  remove: () => void;
}

function LineCard({ line, change, remove }: LineProps) {
  const { t } = useWords();
  const text = (name: 'sku' | 'gtin' | 'category' | 'name' | 'unit', label: string) => (
    <TextInput
      label={label}
      value={line[name]}
      onChange={(event) => change({ ...line, [name]: event.currentTarget.value })}
    />
  );
  return (
    <Card withBorder padding="sm" component="fieldset" aria-label={`${t.lines.line} ${line.id}`}>
      <Stack gap="xs">
        <Group justify="space-between">
          <Text size="sm" fw={600}>
            {t.lines.line} {line.id}
          </Text>
          <Button
            size="compact-xs"
            variant="subtle"
            color="red"
            aria-label={`${t.common.remove}, ${t.lines.line} ${line.id}`}
            onClick={remove}
          >
            <IconTrash size={14} aria-hidden />
          </Button>
        </Group>
        <SimpleGrid cols={{ base: 2, sm: 4 }}>
          {text('sku', t.stock.sku)}
          {text('gtin', t.stock.gtin)}
          {text('category', t.prices.category)}
          {text('name', t.lines.name)}
          {text('unit', t.prices.unit)}
          <DecimalInput
            label={t.prices.minimum}
            value={line.minimum}
            change={(read) => change({ ...line, minimum: exact(read) })}
          />
          <DecimalInput
            label={t.prices.pack}
            value={line.pack}
            change={(read) => change({ ...line, pack: exact(read) })}
          />
          <TextInput
            label={t.prices.leadDays}
            inputMode="numeric"
            value={line.leadDays || ''}
            onChange={(event) => change({ ...line, leadDays: Number(event.currentTarget.value.replace(/\D/g, '')) })}
          />
        </SimpleGrid>
        <Breaks breaks={line.breaks} change={(breaks) => change({ ...line, breaks })} />
      </Stack>
    </Card>
  );
}

/** The price, and further ones from larger quantities on. */
function Breaks({ breaks, change }: { breaks: PriceBreak[]; change: (breaks: PriceBreak[]) => void }) {
  const { t } = useWords();
  const set = (place: number, next: Partial<PriceBreak>) =>
    change(breaks.map((one, at) => (at === place ? { ...one, ...next } : one)));
  return (
    <Stack gap={4}>
      {breaks.map((one, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: only the last one can go
        <Group key={place} align="flex-start">
          {place > 0 && (
            <DecimalInput
              label={t.prices.fromQuantity}
              value={one.from}
              change={(read) => set(place, { from: exact(read) })}
            />
          )}
          <DecimalInput
            label={t.lines.price}
            value={one.price}
            change={(read) =>
              set(place, { price: read && { ...read, $typeName: 'hansa.documents.v1.Price' as const } })
            }
          />
        </Group>
      ))}
      <Group>
        <Button
          size="compact-xs"
          variant="subtle"
          disabled={breaks.length >= 20}
          onClick={() => change([...breaks, create(PriceBreakSchema, {})])}
        >
          {t.prices.further}
        </Button>
        {breaks.length > 1 && (
          <Button size="compact-xs" variant="subtle" color="red" onClick={() => change(breaks.slice(0, -1))}>
            {t.prices.fewer}
          </Button>
        )}
      </Group>
    </Stack>
  );
}
