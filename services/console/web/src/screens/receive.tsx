// A delivery comes in: each scan counts one; what is short or damaged is said, with a photo.
import { create } from '@bufbuild/protobuf';
import {
  Alert,
  Badge,
  Button,
  Card,
  FileButton,
  Group,
  NumberInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { IconCamera } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useState } from 'react';
import { gtinOf } from '../device/codes';
import { PHOTO_MAX, upload } from '../device/queue';
import { Reader } from '../device/reader';
import { decimal, parseDecimal, quantity } from '../format';
import type { Document } from '../gen/hansa/documents/v1/staff_pb';
import { ContentSchema, type Line, ReceiptSchema } from '../gen/hansa/documents/v1/types_pb';
import { QuantitySchema } from '../gen/hansa/types/v1/types_pb';
import { useWords } from '../i18n';
import { documents } from '../rpc';
import { useAct } from '../ui/act';
import { useKinds } from '../ui/kinds';
import { linesOf, uuid7 } from '../ui/lines';
import { receiving } from '../ui/receiving';
import { Empty, Loaded, Page, Refused } from '../ui/states';
import { others } from './documents';

interface Counted {
  units: number;
  rejected: number;
  reason: string;
}

const none: Counted = { units: 0, rejected: 0, reason: '' };

/** Deliveries that wait for somebody who counts them. */
export function Deliveries() {
  const { t } = useWords();
  const kinds = useKinds();
  const counted = [...kinds.all.values()].filter((kind) =>
    Object.values(kind.sections).some((section) => section.is === 'receipts'),
  );
  const query = useQuery({
    queryKey: ['document', 'deliveries', counted.map(({ name }) => name)],
    queryFn: async () => {
      const all = await Promise.all(
        counted.map(({ name }) => documents.listDocuments({ kind: name, openOnly: true, pageSize: 50 })),
      );
      return all.flatMap((answer) => answer.documents);
    },
    enabled: counted.length > 0,
  });
  const waiting = (query.data ?? []).filter((one) => receiving(one, kinds.definition(one.kind)));
  if (waiting.length === 0) return null;
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        {t.receive.deliveries}
      </Title>
      {waiting.map((one) => (
        <Button key={one.id} component="a" href={`/console/scan?receive=${one.id}`} variant="default" justify="start">
          {one.number} · {others(one)}
        </Button>
      ))}
    </Stack>
  );
}

export function Receive({ id }: { id: string }) {
  const { t } = useWords();
  const kinds = useKinds();
  const query = useQuery({ queryKey: ['document', id], queryFn: () => documents.getDocument({ id }) });
  const one = query.data?.document;
  const open = one && receiving(one, kinds.definition(one.kind));
  const title = one ? `${kinds.title(one.kind)} ${one.number}` : t.receive.title;
  return (
    <Page title={title}>
      <Loaded query={query}>
        {() =>
          one && open ? (
            <Count one={one} {...open} />
          ) : (
            <Stack>
              <Empty>{t.receive.nothing}</Empty>
              <a href={`/console/documents/${id}`}>{t.documents.one}</a>
            </Stack>
          )
        }
      </Loaded>
    </Page>
  );
}

/** Where it belongs: the line of that article that still lacks something, or the last one of it. */
function lineOf(lines: Line[], code: string, counted: Record<string, Counted>): Line | undefined {
  const gtin = gtinOf(code);
  const same = lines.filter((line) =>
    gtin && line.gtin ? line.gtin.padStart(14, '0') === gtin : [line.sku, line.buyerSku].includes(code),
  );
  return same.find((line) => (counted[line.id]?.units ?? 0) < sent(line)) ?? same.at(-1);
}

const sent = (line: Line) => (line.quantity ? Number(decimal(line.quantity.value, line.quantity.scale)) : 0);

function Count({ one, act, section }: { one: Document; act: string; section: string }) {
  const { t, language } = useWords();
  const kinds = useKinds();
  const lines = linesOf(one);
  const kept = `hansa.receive.${one.id}`;
  const [counted, setCounted] = useState<Record<string, Counted>>(() =>
    JSON.parse(sessionStorage.getItem(kept) ?? '{}'),
  );
  const [photos, setPhotos] = useState<Record<string, File>>({});
  const [strange, setStrange] = useState('');
  // The same one when it is sent again: it happens once.
  const [actId] = useState(uuid7);
  // A reload takes no count away.
  useEffect(() => sessionStorage.setItem(kept, JSON.stringify(counted)), [kept, counted]);
  const of = (line: Line) => counted[line.id] ?? none;
  const set = (line: Line, next: Partial<Counted>) =>
    setCounted((all) => ({ ...all, [line.id]: { ...(all[line.id] ?? none), ...next } }));
  const found = useCallback(
    (code: string) =>
      setCounted((all) => {
        const line = lineOf(linesOf(one), code, all);
        setStrange(line ? '' : code);
        if (!line) return all;
        navigator.vibrate?.(60);
        const before = all[line.id] ?? none;
        return { ...all, [line.id]: { ...before, units: before.units + 1 } };
      }),
    [one],
  );
  const amount = (line: Line, units: number) =>
    create(QuantitySchema, { ...parseDecimal(String(units)), unit: line.quantity?.unit ?? '' });
  const receive = useAct(
    async () => {
      const receipts = await Promise.all(
        lines.map(async (line) => {
          const { units, rejected, reason } = of(line);
          const photo = photos[line.id];
          const files = photo
            ? [await upload({ name: photo.name, type: photo.type, bytes: await photo.arrayBuffer() })]
            : [];
          return create(ReceiptSchema, {
            line: line.id,
            received: amount(line, Math.max(0, units - rejected)),
            rejected: rejected > 0 ? amount(line, rejected) : undefined,
            reason,
            files,
          });
        }),
      );
      const contents = { [section]: create(ContentSchema, { body: { case: 'receipts', value: { receipts } } }) };
      return documents.actOnDocument({ id: one.id, actId, act, base: one.version, contents });
    },
    ['document', 'level'],
    () => {
      sessionStorage.removeItem(kept);
      location.assign(`/console/documents/${one.id}`);
    },
  );
  return (
    <Stack maw={640}>
      <Reader found={found} />
      {strange && (
        <Alert color="yellow" role="alert">
          {t.receive.strange(strange)}
        </Alert>
      )}
      {lines.map((line) => {
        const { units, rejected, reason } = of(line);
        const name = line.name || line.sku || line.gtin;
        const left = sent(line) - units;
        const odd = left !== 0 || rejected > 0;
        const photo = photos[line.id];
        return (
          <Card withBorder padding="sm" key={line.id} data-testid="counted">
            <Stack gap="xs">
              <Group justify="space-between" wrap="nowrap" align="flex-start">
                <Stack gap={0} style={{ minWidth: 0 }}>
                  <Text fw={600}>{name}</Text>
                  <Text size="xs" c="dimmed">
                    {t.receive.sent(quantity(line.quantity, language))}
                  </Text>
                </Stack>
                <Badge color={left === 0 ? 'teal' : left > 0 ? 'orange' : 'red'}>
                  {left === 0 ? t.receive.whole : left > 0 ? t.receive.short(left) : t.receive.over(-left)}
                </Badge>
              </Group>
              <Group align="flex-end" gap="xs">
                <NumberInput
                  w={120}
                  label={t.receive.counted}
                  aria-label={`${t.receive.counted}, ${name}`}
                  min={0}
                  decimalScale={6}
                  value={units}
                  onChange={(value) => set(line, { units: Number(value) || 0 })}
                />
                <NumberInput
                  w={120}
                  label={t.lines.rejected}
                  aria-label={`${t.lines.rejected}, ${name}`}
                  min={0}
                  max={units}
                  decimalScale={6}
                  value={rejected}
                  onChange={(value) => set(line, { rejected: Number(value) || 0 })}
                />
                {odd && (
                  <FileButton
                    onChange={(file) => file && file.size <= PHOTO_MAX && setPhotos({ ...photos, [line.id]: file })}
                    accept="image/*"
                    capture="environment"
                  >
                    {(props) => (
                      <Button {...props} variant="default" leftSection={<IconCamera size={16} aria-hidden />}>
                        {photo ? photo.name : t.scan.photo}
                      </Button>
                    )}
                  </FileButton>
                )}
              </Group>
              {odd && (
                <TextInput
                  label={t.lines.reason}
                  aria-label={`${t.lines.reason}, ${name}`}
                  value={reason}
                  maxLength={400}
                  onChange={(event) => set(line, { reason: event.currentTarget.value })}
                />
              )}
            </Stack>
          </Card>
        );
      })}
      {receive.isError && <Refused error={receive.error} />}
      <Group justify="flex-end">
        <Button loading={receive.isPending} onClick={() => receive.mutate(undefined)}>
          {kinds.word(one.kind, act)}
        </Button>
      </Group>
    </Stack>
  );
}
