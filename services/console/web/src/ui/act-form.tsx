// The form of an act, out of what its kind says that it writes.

import { create } from '@bufbuild/protobuf';
import {
  Alert,
  Button,
  Group,
  NativeSelect,
  NumberInput,
  Stack,
  Table,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { decimal, parseDecimal, quantity } from '../format';
import type { Document } from '../gen/hansa/documents/v1/staff_pb';
import { type Content, ContentSchema, type Line, LineSchema, Verdict } from '../gen/hansa/documents/v1/types_pb';
import { useWords } from '../i18n';
import { documents } from '../rpc';
import { useAct } from './act';
import { type Definition, useKinds } from './kinds';
import { linesOf, uuid7 } from './lines';
import { PriceFields } from './price-fields';
import { Refused, Waiting } from './states';

interface Props {
  one: Document;
  kind: Definition;
  act: string;
  /** The document that it is about, when it was begun out of one. */
  about?: Document;
  done: () => void;
}

const writable = ['head', 'lines', 'answers', 'receipts', 'remark', 'form', 'prices'];
const SchemaForm = lazy(() => import('./form'));

export function ActForm({ one, kind, act, about, done }: Props) {
  const { t } = useWords();
  const kinds = useKinds();
  const said = kind.acts[act];
  const names = [...(said?.writes ?? []), ...(said?.may_write ?? [])];
  const [contents, setContents] = useState<Record<string, Content>>(() => first(one, kind, names, about));
  // The same one when it is sent again: it happens once.
  const [actId] = useState(() => uuid7());
  const go = useAct(
    () =>
      documents.actOnDocument({
        id: one.id,
        actId,
        act,
        base: one.version,
        contents: told(contents, said?.may_write ?? []),
      }),
    ['document', 'approval', 'level'],
    done,
  );
  const preview = useMutation({
    mutationFn: () => documents.previewAct({ id: one.id, act, contents: told(contents, said?.may_write ?? []) }),
  });
  const strange = names.filter(
    (name) => !writable.includes(kind.sections[name]?.is ?? '') && said?.writes?.includes(name),
  );
  const change = (name: string, content: Content) => setContents({ ...contents, [name]: content });
  return (
    <Stack>
      {names.map((name) => {
        const content = contents[name];
        return content ? (
          <Stack gap="xs" key={name}>
            <Text fw={600}>{kinds.word(one.kind, name)}</Text>
            <SectionFields
              one={one}
              content={content}
              schema={kind.sections[name]?.schema}
              change={(next) => change(name, next)}
            />
          </Stack>
        ) : null;
      })}
      {strange.length > 0 && <Alert color="yellow">{t.documents.byCommand}</Alert>}
      {go.isError && <Refused error={go.error} />}
      {preview.isError && <Refused error={preview.error} />}
      {preview.data && (
        <Alert title={t.flows.would}>
          {preview.data.steps.length === 0 ? (
            <Text size="sm">{t.flows.nobody}</Text>
          ) : (
            preview.data.steps.map((step) => (
              <Text size="sm" key={step.name}>
                {step.name.replaceAll('_', ' ')}: {step.people.join(', ')}
                {step.unknown && ` (${step.unknown})`}
              </Text>
            ))
          )}
        </Alert>
      )}
      <Group justify="flex-end">
        <Button
          variant="subtle"
          loading={preview.isPending}
          disabled={strange.length > 0}
          onClick={() => preview.mutate()}
        >
          {t.flows.who}
        </Button>
        <Button variant="default" onClick={done}>
          {t.common.cancel}
        </Button>
        <Button loading={go.isPending} disabled={strange.length > 0} onClick={() => go.mutate()}>
          {kinds.word(one.kind, act)}
        </Button>
      </Group>
    </Stack>
  );
}

/** What may be left out and says nothing is left out. */
function told(contents: Record<string, Content>, optional: string[]): Record<string, Content> {
  const empty = ({ body }: Content) =>
    (body.case === 'remark' && !body.value.reference && !body.value.note) ||
    (body.case === 'form' && body.value.json === '{}');
  return Object.fromEntries(
    Object.entries(contents).filter(([name, content]) => !optional.includes(name) || !empty(content)),
  );
}

/** The lines of another document, with what has not moved of them yet. */
function stillOpen(about: Document): Line[] {
  const progress = new Map(about.progress.map((line) => [line.line, line]));
  const answered = Object.values(about.contents).find((content) => content.body.case === 'answers')?.body;
  const answers = new Map(answered?.case === 'answers' ? answered.value.answers.map((one) => [one.line, one]) : []);
  return linesOf(about).flatMap((line) => {
    const answer = answers.get(line.id);
    if (answer?.verdict === Verdict.DECLINE) return [];
    const told = progress.get(line.id);
    const agreed = told?.agreed ?? answer?.quantity ?? line.quantity;
    const done = told?.done && agreed && told.done.scale === agreed.scale ? told.done.value : 0n;
    const left = agreed && { ...agreed, value: agreed.value - done };
    if (!left || left.value <= 0n) return [];
    const { sku, gtin, name, buyerSku, price, id } = line;
    return [create(LineSchema, { id, sku, gtin, name, buyerSku, price, quantity: left, ofLine: id })];
  });
}

/** As it stands now, or as it was asked for, or a first proposal: all accepted, all received. */
function first(one: Document, kind: Definition, names: string[], about?: Document): Record<string, Content> {
  const all: Record<string, Content> = {};
  for (const name of names) {
    const is = kind.sections[name]?.is;
    const kept = one.asked[name] ?? one.contents[name];
    if (!is || !writable.includes(is)) continue;
    if (kept) all[name] = kept;
    else if (is === 'head') {
      const head = Object.values(about?.contents ?? {}).find((content) => content.body.case === 'head')?.body;
      const currency = (head?.case === 'head' && head.value.currency) || 'EUR';
      all[name] = create(ContentSchema, { body: { case: 'head', value: { currency, refersTo: about?.id ?? '' } } });
    } else if (is === 'form') all[name] = create(ContentSchema, { body: { case: 'form', value: { json: '{}' } } });
    else if (is === 'remark') all[name] = create(ContentSchema, { body: { case: 'remark', value: {} } });
    else if (is === 'prices') {
      const lines = [{ id: '1', breaks: [{}] }];
      const validFrom = new Date().toISOString().slice(0, 10);
      all[name] = create(ContentSchema, { body: { case: 'prices', value: { validFrom, lines } } });
    } else if (is === 'lines') {
      const lines = about ? stillOpen(about) : [{ id: '1' }];
      all[name] = create(ContentSchema, { body: { case: 'lines', value: { lines } } });
    } else if (is === 'answers') {
      const answers = linesOf(one).map((line) => ({ line: line.id, verdict: Verdict.ACCEPT }));
      all[name] = create(ContentSchema, { body: { case: 'answers', value: { answers } } });
    } else {
      const receipts = linesOf(one).map((line) => ({ line: line.id, received: line.quantity }));
      all[name] = create(ContentSchema, { body: { case: 'receipts', value: { receipts } } });
    }
  }
  return all;
}

function SectionFields({
  one,
  content,
  schema,
  change,
}: {
  one: Document;
  content: Content;
  schema?: unknown;
  change: (content: Content) => void;
}) {
  const { t } = useWords();
  const { body } = content;
  const put = (value: Content['body']) => change(create(ContentSchema, { body: value }));
  if (body.case === 'head') {
    const head = body.value;
    const field = (
      name: 'currency' | 'reference' | 'accountingCost' | 'deliveryAddress' | 'deliveryLocation' | 'note',
      label: string,
    ) => (
      <TextInput
        key={name}
        label={label}
        value={head[name]}
        onChange={(event) => put({ case: 'head', value: { ...head, [name]: event.currentTarget.value } })}
      />
    );
    const day = (name: 'deliveryFrom' | 'deliveryUntil', label: string) => (
      <TextInput
        key={name}
        type="date"
        label={label}
        value={head[name]}
        onChange={(event) => put({ case: 'head', value: { ...head, [name]: event.currentTarget.value } })}
      />
    );
    return (
      <Stack gap="xs">
        <Group grow preventGrowOverflow={false} wrap="wrap">
          {field('currency', t.head.currency)}
          {field('reference', t.head.reference)}
          {field('deliveryLocation', t.head.deliveryLocation)}
          {field('accountingCost', t.head.costCentre)}
        </Group>
        <Group grow preventGrowOverflow={false} wrap="wrap">
          {day('deliveryFrom', t.head.from)}
          {day('deliveryUntil', t.head.until)}
        </Group>
        {field('deliveryAddress', t.head.deliveryAddress)}
        {field('note', t.head.note)}
      </Stack>
    );
  }
  if (body.case === 'form') {
    const form = body.value;
    return (
      <Suspense fallback={<Waiting />}>
        <SchemaForm
          schema={schema}
          json={form.json}
          files={form.files}
          change={(json, files) => put({ case: 'form', value: { ...form, json, files } })}
        />
      </Suspense>
    );
  }
  if (body.case === 'remark') {
    const remark = body.value;
    return (
      <Stack gap="xs">
        <TextInput
          label={t.head.reference}
          value={remark.reference}
          onChange={(event) => put({ case: 'remark', value: { ...remark, reference: event.currentTarget.value } })}
        />
        <Textarea
          label={t.head.note}
          value={remark.note}
          onChange={(event) => put({ case: 'remark', value: { ...remark, note: event.currentTarget.value } })}
        />
      </Stack>
    );
  }
  if (body.case === 'prices')
    return <PriceFields prices={body.value} change={(value) => put({ case: 'prices', value })} />;
  if (body.case === 'lines') {
    return (
      <LineFields
        lines={body.value.lines}
        change={(lines) => put({ case: 'lines', value: { ...body.value, lines } })}
      />
    );
  }
  if (body.case === 'answers') {
    const answers = body.value.answers;
    const set = (place: number, next: object) =>
      put({
        case: 'answers',
        value: {
          ...body.value,
          answers: answers.map((answer, at) => (at === place ? { ...answer, ...next } : answer)),
        },
      });
    return <AnswerFields one={one} answers={answers} set={set} />;
  }
  if (body.case === 'receipts') {
    const receipts = body.value.receipts;
    const set = (place: number, next: object) =>
      put({
        case: 'receipts',
        value: {
          ...body.value,
          receipts: receipts.map((receipt, at) => (at === place ? { ...receipt, ...next } : receipt)),
        },
      });
    return <ReceiptFields one={one} receipts={receipts} set={set} />;
  }
  return null;
}

const units = (value: { value: bigint; scale: number } | undefined) => (value ? decimal(value.value, value.scale) : '');

/** A quantity as it was typed; absent when it is none. */
const amount = (text: string, unit = '') => {
  const read = parseDecimal(text);
  return read ? { ...read, unit, $typeName: 'hansa.types.v1.Quantity' as const } : undefined;
};

function Framed({ label, names, children }: { label: string; names: string[]; children: ReactNode }) {
  return (
    <Table.ScrollContainer
      minWidth={560}
      scrollAreaProps={{ viewportProps: { tabIndex: 0, role: 'region', 'aria-label': label } }}
    >
      <Table aria-label={label} verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            {names.map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>{children}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function LineFields({ lines, change }: { lines: Line[]; change: (lines: Line[]) => void }) {
  const { t } = useWords();
  const set = (place: number, next: Partial<Line>) =>
    change(lines.map((line, at) => (at === place ? { ...line, ...next } : line)));
  const names = [t.lines.line, t.stock.sku, t.stock.gtin, t.lines.name, t.lines.quantity, t.lines.price, t.stock.ways];
  return (
    <Stack gap="xs">
      <Framed label={t.lines.all} names={names}>
        {lines.map((line, place) => {
          const label = (name: string) => `${name}, ${t.lines.line} ${line.id}`;
          const text = (name: 'sku' | 'gtin' | 'name') => (
            <TextInput
              size="xs"
              aria-label={label(name === 'sku' ? t.stock.sku : name === 'gtin' ? t.stock.gtin : t.lines.name)}
              value={line[name]}
              onChange={(event) => set(place, { [name]: event.currentTarget.value })}
            />
          );
          return (
            <Table.Tr key={line.id}>
              <Table.Td>{line.id}</Table.Td>
              <Table.Td>{text('sku')}</Table.Td>
              <Table.Td>{text('gtin')}</Table.Td>
              <Table.Td>{text('name')}</Table.Td>
              <Table.Td>
                <NumberInput
                  size="xs"
                  aria-label={label(t.lines.quantity)}
                  min={0}
                  decimalScale={6}
                  value={units(line.quantity)}
                  onChange={(value) => set(place, { quantity: amount(String(value), line.quantity?.unit) })}
                />
              </Table.Td>
              <Table.Td>
                <NumberInput
                  size="xs"
                  aria-label={label(t.lines.price)}
                  min={0}
                  decimalScale={6}
                  value={units(line.price)}
                  onChange={(value) => {
                    const read = parseDecimal(String(value));
                    set(place, { price: read ? { ...read, $typeName: 'hansa.documents.v1.Price' } : undefined });
                  }}
                />
              </Table.Td>
              <Table.Td>
                <Button
                  size="compact-xs"
                  variant="subtle"
                  color="red"
                  aria-label={label(t.common.remove)}
                  onClick={() => change(lines.filter((_, at) => at !== place))}
                >
                  <IconTrash size={14} aria-hidden />
                </Button>
              </Table.Td>
            </Table.Tr>
          );
        })}
      </Framed>
      <Group>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() =>
            change([
              ...lines,
              create(LineSchema, { id: String(1 + Math.max(0, ...lines.map((line) => Number(line.id) || 0))) }),
            ])
          }
        >
          {t.lines.add}
        </Button>
      </Group>
    </Stack>
  );
}

type AnswerRow = {
  line: string;
  verdict: Verdict;
  quantity?: { value: bigint; scale: number };
  on: string;
  reason: string;
};

function AnswerFields({
  one,
  answers,
  set,
}: {
  one: Document;
  answers: AnswerRow[];
  set: (place: number, next: object) => void;
}) {
  const { t, language } = useWords();
  const lines = new Map(linesOf(one).map((line) => [line.id, line]));
  const verdicts = [Verdict.ACCEPT, Verdict.CHANGE, Verdict.DECLINE].map((verdict) => ({
    value: String(verdict),
    label: t.lines.verdicts[Verdict[verdict] as keyof typeof t.lines.verdicts],
  }));
  return (
    <Framed
      label={t.lines.answers}
      names={[t.lines.article, t.lines.ordered, t.lines.answer, t.lines.quantity, t.lines.on, t.lines.reason]}
    >
      {answers.map((answer, place) => {
        const line = lines.get(answer.line);
        const label = (name: string) => `${name}, ${t.lines.line} ${answer.line}`;
        return (
          <Table.Tr key={answer.line}>
            <Table.Td>{line?.name || line?.sku || line?.gtin}</Table.Td>
            <Table.Td className="number">{quantity(line?.quantity, language)}</Table.Td>
            <Table.Td>
              <NativeSelect
                size="xs"
                aria-label={label(t.lines.answer)}
                data={verdicts}
                value={String(answer.verdict)}
                onChange={(event) => {
                  const verdict = Number(event.currentTarget.value) as Verdict;
                  set(place, { verdict, quantity: verdict === Verdict.CHANGE ? line?.quantity : undefined });
                }}
              />
            </Table.Td>
            <Table.Td>
              <NumberInput
                size="xs"
                aria-label={label(t.lines.quantity)}
                disabled={answer.verdict !== Verdict.CHANGE}
                min={0}
                decimalScale={6}
                value={units(answer.quantity)}
                onChange={(value) => set(place, { quantity: amount(String(value), line?.quantity?.unit) })}
              />
            </Table.Td>
            <Table.Td>
              <TextInput
                size="xs"
                type="date"
                aria-label={label(t.lines.on)}
                disabled={answer.verdict !== Verdict.CHANGE}
                value={answer.on}
                onChange={(event) => set(place, { on: event.currentTarget.value })}
              />
            </Table.Td>
            <Table.Td>
              <TextInput
                size="xs"
                aria-label={label(t.lines.reason)}
                value={answer.reason}
                onChange={(event) => set(place, { reason: event.currentTarget.value })}
              />
            </Table.Td>
          </Table.Tr>
        );
      })}
    </Framed>
  );
}

type ReceiptRow = {
  line: string;
  received?: { value: bigint; scale: number };
  rejected?: { value: bigint; scale: number };
  reason: string;
};

function ReceiptFields({
  one,
  receipts,
  set,
}: {
  one: Document;
  receipts: ReceiptRow[];
  set: (place: number, next: object) => void;
}) {
  const { t, language } = useWords();
  const lines = new Map(linesOf(one).map((line) => [line.id, line]));
  return (
    <Framed
      label={t.lines.receipts}
      names={[t.lines.article, t.lines.sent, t.lines.received, t.lines.rejected, t.lines.reason]}
    >
      {receipts.map((receipt, place) => {
        const line = lines.get(receipt.line);
        const label = (name: string) => `${name}, ${t.lines.line} ${receipt.line}`;
        const count = (name: 'received' | 'rejected', words: string) => (
          <NumberInput
            size="xs"
            aria-label={label(words)}
            min={0}
            decimalScale={6}
            value={units(receipt[name])}
            onChange={(value) => set(place, { [name]: amount(String(value), line?.quantity?.unit) })}
          />
        );
        return (
          <Table.Tr key={receipt.line}>
            <Table.Td>{line?.name || line?.sku || line?.gtin}</Table.Td>
            <Table.Td className="number">{quantity(line?.quantity, language)}</Table.Td>
            <Table.Td>{count('received', t.lines.received)}</Table.Td>
            <Table.Td>{count('rejected', t.lines.rejected)}</Table.Td>
            <Table.Td>
              <TextInput
                size="xs"
                aria-label={label(t.lines.reason)}
                value={receipt.reason}
                onChange={(event) => set(place, { reason: event.currentTarget.value })}
              />
            </Table.Td>
          </Table.Tr>
        );
      })}
    </Framed>
  );
}
