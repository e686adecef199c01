// Scan what is needed, and ask for it: by camera, photo, a hand scanner or the keyboard; with or without a network.
import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  Card,
  FileButton,
  Group,
  NumberInput,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconCamera, IconTrash } from '@tabler/icons-react';
import { useCallback, useEffect, useState } from 'react';
import { useSearch } from 'wouter';
import { gtinOf } from '../device/codes';
import {
  drop,
  knownArticle,
  learnArticles,
  PHOTO_MAX,
  put,
  useOnline,
  useWaitingList,
  type Waiting,
  type Wanted,
} from '../device/queue';
import { Reader } from '../device/reader';
import { useWords } from '../i18n';
import { inventory } from '../rpc';
import { person } from '../session';
import { uuid7 } from '../ui/lines';
import { Page } from '../ui/states';
import { Deliveries, Receive } from './receive';

/** How the text of an invitation begins. */
const INVITATION = 'hansa1.';

/** Levels of one answer, and answers: a phone keeps so many articles. */
const PAGE = 1_000;
const PAGES_MAX = 20;

/** Keeps our own catalogue on the device, for when there is no network. */
async function learn() {
  let page = '';
  for (let count = 0; count < PAGES_MAX; count += 1) {
    const answer = await inventory.listLevels({ page, pageSize: PAGE });
    await learnArticles(
      answer.levels.map((level) => ({
        gtin: level.gtin,
        sku: level.sku,
        name: level.name,
        unit: level.onHand?.unit ?? '',
      })),
    );
    page = answer.nextPage;
    if (!page) return;
  }
}

async function find(code: string): Promise<Wanted> {
  const gtin = gtinOf(code) ?? '';
  const kept = gtin ? await knownArticle(gtin) : undefined;
  if (kept) return { ...kept, units: 1 };
  const unknown = { gtin, sku: gtin ? '' : code, name: '', unit: 'C62', units: 1 };
  try {
    const answer = await inventory.lookupItem({ code }, { timeoutMs: 3_000 });
    const one = answer.found[0];
    if (!one) return { ...unknown, gtin: answer.gtin || gtin };
    return { gtin: one.gtin, sku: one.linkId ? '' : one.sku, name: one.name, unit: one.unit || 'C62', units: 1 };
  } catch {
    return unknown;
  }
}

export default function Scan() {
  const delivery = new URLSearchParams(useSearch()).get('receive');
  return delivery ? <Receive id={delivery} /> : <Ask />;
}

/** What is needed. */
function Ask() {
  const { t } = useWords();
  const [lines, setLines] = useState<Wanted[]>([]);
  const [note, setNote] = useState('');
  const [photo, setPhoto] = useState<File | null>(null);
  const online = useOnline();
  useEffect(() => {
    learn().catch(() => undefined);
  }, []);
  const add = useCallback(async (text: string) => {
    // An invitation of a partner, shown as a QR code.
    if (text.startsWith(INVITATION)) {
      location.assign(`/console/links?invite=${encodeURIComponent(text.trim())}`);
      return;
    }
    const one = await find(text.trim());
    navigator.vibrate?.(60);
    setLines((all) => {
      const same = all.findIndex((line) => (one.gtin ? line.gtin === one.gtin : line.sku === one.sku));
      if (same < 0) return [...all, one];
      return all.map((line, place) => (place === same ? { ...line, units: line.units + 1 } : line));
    });
  }, []);
  const set = (place: number, next: Partial<Wanted>) =>
    setLines((all) => all.map((line, at) => (at === place ? { ...line, ...next } : line)));
  const submit = async () => {
    const who = person();
    if (!who) return;
    const bytes = photo ? { name: photo.name, type: photo.type, bytes: await photo.arrayBuffer() } : undefined;
    await put({
      id: uuid7(),
      actId: uuid7(),
      staffId: who.staffId,
      enterpriseId: who.enterpriseId,
      at: Date.now(),
      lines,
      note,
      photo: bytes,
    });
    notifications.show({
      message: online ? t.scan.sent : t.scan.kept,
      color: online ? 'teal' : 'orange',
      withCloseButton: false,
    });
    setLines([]);
    setNote('');
    setPhoto(null);
  };
  return (
    <Page title={t.nav.scan}>
      <Stack maw={640}>
        <Reader found={(text) => void add(text)} />
        {lines.length === 0 && <Text c="dimmed">{t.scan.hint}</Text>}
        {lines.map((line, place) => (
          <Card withBorder padding="sm" key={line.gtin || line.sku} data-testid="scanned">
            <Group wrap="nowrap" align="flex-end" gap="xs">
              <Stack gap={2} style={{ flex: 1, minWidth: 0 }}>
                {line.name ? (
                  <Text fw={600}>{line.name}</Text>
                ) : (
                  <TextInput
                    size="xs"
                    label={t.scan.unknown}
                    placeholder={t.scan.whatIsIt}
                    defaultValue=""
                    onBlur={(event) => set(place, { name: event.currentTarget.value.trim() })}
                  />
                )}
                <Text size="xs" c="dimmed" className="code">
                  {line.gtin || line.sku}
                </Text>
              </Stack>
              <NumberInput
                w={92}
                label={t.stock.units}
                min={1}
                max={1_000_000}
                allowDecimal={false}
                value={line.units}
                onChange={(value) => set(place, { units: Math.max(1, Number(value) || 1) })}
              />
              <ActionIcon
                variant="subtle"
                color="red"
                size="lg"
                aria-label={`${t.common.remove} ${line.name || line.gtin}`}
                onClick={() => setLines((all) => all.filter((_, at) => at !== place))}
              >
                <IconTrash size={18} aria-hidden />
              </ActionIcon>
            </Group>
          </Card>
        ))}
        {lines.length > 0 && (
          <>
            <Textarea
              label={t.head.note}
              value={note}
              maxLength={1_000}
              onChange={(event) => setNote(event.currentTarget.value)}
              autosize
            />
            <Group justify="space-between">
              <FileButton
                onChange={(file) => setPhoto(file && file.size <= PHOTO_MAX ? file : null)}
                accept="image/*"
                capture="environment"
              >
                {(props) => (
                  <Button {...props} variant="default" leftSection={<IconCamera size={16} aria-hidden />}>
                    {photo ? photo.name : t.scan.photo}
                  </Button>
                )}
              </FileButton>
              <Button onClick={() => void submit()}>{t.scan.submit}</Button>
            </Group>
          </>
        )}
        <Queue />
        {online && <Deliveries />}
      </Stack>
    </Page>
  );
}

function Queue() {
  const { t } = useWords();
  const waiting = useWaitingList();
  const who = person();
  const ours = waiting.filter((one) => one.enterpriseId === who?.enterpriseId);
  if (ours.length === 0) return null;
  const shown = (one: Waiting) =>
    one.lines.map((line) => `${line.units} × ${line.name || line.gtin || line.sku}`).join(', ');
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        {t.scan.onItsWay}
      </Title>
      {ours.map((one) => (
        <Card withBorder padding="sm" key={one.id} data-testid="queued">
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm">{shown(one)}</Text>
            <Badge color={one.trouble ? 'red' : 'orange'}>{one.trouble ? t.state.refused : t.scan.waits}</Badge>
          </Group>
          {one.staffId !== who?.staffId && <Text size="xs">{t.scan.ofAnother}</Text>}
          {one.trouble && (
            <Alert color="red" mt="xs">
              <Group justify="space-between">
                <Text size="sm">{one.trouble}</Text>
                <Button size="xs" variant="default" onClick={() => void drop(one.id)}>
                  {t.common.remove}
                </Button>
              </Group>
            </Alert>
          )}
        </Card>
      ))}
    </Stack>
  );
}
