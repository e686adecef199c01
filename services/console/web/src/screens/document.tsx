// One document, as both sides see it: what it says, who did what, and what we may do now.
import { Alert, Badge, Button, Card, Group, Stack, Table, Text, Timeline, Title } from '@mantine/core';
import { IconPrinter } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useSearch } from 'wouter';
import { moment, quantity } from '../format';
import type { Document, Proposal } from '../gen/hansa/documents/v1/staff_pb';
import type { Content } from '../gen/hansa/documents/v1/types_pb';
import type { FileRef } from '../gen/hansa/files/v1/types_pb';
import { useWords } from '../i18n';
import { documents } from '../rpc';
import { person } from '../session';
import { useAct } from '../ui/act';
import { ActForm } from '../ui/act-form';
import { Follow } from '../ui/begin';
import { ContentView } from '../ui/content';
import { Customer } from '../ui/customer';
import { Files } from '../ui/files';
import { type Definition, useKinds } from '../ui/kinds';
import { Papers } from '../ui/paper';
import { MakeOrders, Sources } from '../ui/purchase';
import { receiving } from '../ui/receiving';
import { save } from '../ui/save';
import { Loaded, Page, Refused } from '../ui/states';
import { ThreadPanel } from '../ui/thread';

export default function DocumentPage({ id }: { id: string }) {
  const { t } = useWords();
  const kinds = useKinds();
  const query = useQuery({
    queryKey: ['document', id],
    queryFn: () => documents.getDocument({ id }),
    refetchInterval: 5_000,
  });
  const one = query.data?.document;
  const title = one ? `${kinds.title(one.kind)} ${one.number}` : t.documents.one;
  return (
    <Page
      title={title}
      actions={
        one &&
        one.version > 0n && (
          <>
            <Papers one={one} />
            <Print one={one} />
          </>
        )
      }
    >
      <Loaded query={query}>
        {(answer) => answer.document && <Whole one={answer.document} kind={kinds.definition(answer.document.kind)} />}
      </Loaded>
    </Page>
  );
}

/** A page of paper, to keep or to print: it needs nothing from elsewhere. */
function Print({ one }: { one: Document }) {
  const { t, language } = useWords();
  const print = useAct(async () => {
    const { html } = await documents.printDocument({ id: one.id, language });
    save(`${one.number || one.id}.html`, new Blob([html], { type: 'text/html' }));
  }, []);
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconPrinter size={16} aria-hidden />}
        loading={print.isPending}
        onClick={() => print.mutate(undefined)}
      >
        {t.purchase.print}
      </Button>
      {print.isError && <Refused error={print.error} />}
    </>
  );
}

function Whole({ one, kind }: { one: Document; kind?: Definition }) {
  const { t, language } = useWords();
  const kinds = useKinds();
  const [act, setAct] = useState('');
  const lines = Object.values(one.contents).find((content) => content.body.case === 'lines');
  const may = person()?.may.includes('document.write') ?? false;
  // A draft that was begun out of another document takes over its lines.
  const asked = new URLSearchParams(useSearch()).get('from') ?? '';
  const from = one.version === 0n ? asked : '';
  const about = useQuery({
    queryKey: ['document', from],
    queryFn: () => documents.getDocument({ id: from }),
    enabled: from !== '',
  });
  return (
    <Stack>
      <Group gap="xs" role="status">
        <Badge size="lg" data-testid="state">
          {kinds.word(one.kind, one.state)}
        </Badge>
        {one.overdue && <Badge color="red">{t.documents.overdue}</Badge>}
        {one.waitsFor && (
          <Text size="sm">
            {one.waitsFor === one.ourRole
              ? t.documents.waitsForUs
              : t.documents.waitsForThem(one.waitsForName || one.waitsFor)}
          </Text>
        )}
        {one.erasedAt && <Badge color="gray">{t.documents.erased(moment(one.erasedAt, language))}</Badge>}
        {one.dueAt && <Text size="sm">{t.documents.due(moment(one.dueAt, language))}</Text>}
      </Group>
      <Group gap="lg">
        {one.parties.map((party) => (
          <Text size="sm" key={party.role}>
            <b>{kinds.word(one.kind, party.role)}</b>: {party.name}
            {party.trouble && <Badge color="red">{party.trouble}</Badge>}
          </Text>
        ))}
        {one.refersTo && <Link href={`/documents/${one.refersTo}`}>{t.documents.about}</Link>}
      </Group>
      {may && person()?.may.includes('link.read') && <Follow one={one} />}
      {may && kind && one.openActs.length > 0 && (
        <Card withBorder>
          <Stack>
            <Group gap="xs">
              {receiving(one, kind) && (
                <Button component="a" href={`/console/scan?receive=${one.id}`} variant="light">
                  {t.receive.title}
                </Button>
              )}
              {one.openActs.map((name) => (
                <Button
                  key={name}
                  variant={act === name ? 'filled' : 'light'}
                  onClick={() => setAct(act === name ? '' : name)}
                >
                  {kinds.word(one.kind, name)}
                </Button>
              ))}
            </Group>
            {act && one.openActs.includes(act) && (from === '' || about.isSuccess) && (
              <ActForm key={act} one={one} kind={kind} act={act} about={about.data?.document} done={() => setAct('')} />
            )}
          </Stack>
        </Card>
      )}
      {one.kind === 'requisition' && one.state === 'approved' && person()?.may.includes('order.make') && (
        <MakeOrders one={one} />
      )}
      {(one.kind === 'requisition' || one.kind === 'order') && <Sources one={one} />}
      {may && one.version > 0n && kind?.customer?.of === one.ourRole && <Customer one={one} />}
      {one.proposals.map((proposal) => (
        <Proposed key={proposal.id} one={one} proposal={proposal} />
      ))}
      {Object.keys(one.asked).length > 0 && (
        <Alert title={t.documents.asked}>
          <Sections one={one} contents={one.asked} lines={lines} />
        </Alert>
      )}
      <Sections one={one} contents={one.contents} lines={lines} />
      {one.progress.length > 0 && <Progress one={one} />}
      {person()?.may.includes('thread.read') && one.version > 0n && one.parties.length > 1 && (
        <ThreadPanel about={{ case: 'documentId', value: one.id }} />
      )}
      <History one={one} />
    </Stack>
  );
}

/** All files that a section names. */
function filesOf({ body }: Content): FileRef[] {
  if (body.case === 'head' || body.case === 'remark' || body.case === 'form') return body.value.files;
  if (body.case === 'prices') return body.value.list ? [body.value.list] : [];
  return body.case === 'receipts' ? body.value.receipts.flatMap((receipt) => receipt.files) : [];
}

/** First what it is about, then what was said to that. */
const order: Content['body']['case'][] = ['head', 'form', 'lines', 'prices', 'answers', 'receipts', 'remark'];

function Sections({ one, contents, lines }: { one: Document; contents: Record<string, Content>; lines?: Content }) {
  const kinds = useKinds();
  const inOrder = Object.entries(contents).sort(
    ([, first], [, second]) => order.indexOf(first.body.case) - order.indexOf(second.body.case),
  );
  return (
    <Stack>
      {inOrder.map(([name, content]) => (
        <Card withBorder key={name}>
          <Title order={2} size="h4" mb="xs">
            {kinds.word(one.kind, name)}
          </Title>
          <ContentView
            content={content}
            lines={lines}
            contents={contents}
            schema={kinds.definition(one.kind)?.sections[name]?.schema}
          />
          <Files documentId={one.id} files={filesOf(content)} />
        </Card>
      ))}
    </Stack>
  );
}

function Progress({ one }: { one: Document }) {
  const { t, language } = useWords();
  return (
    <Card withBorder>
      <Title order={2} size="h4" mb="xs">
        {t.documents.progress}
      </Title>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t.lines.line}</Table.Th>
            <Table.Th className="number">{t.documents.agreed}</Table.Th>
            <Table.Th className="number">{t.documents.moved}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {one.progress.map((line) => (
            <Table.Tr key={line.line}>
              <Table.Td>{line.line}</Table.Td>
              <Table.Td className="number">{quantity(line.agreed, language)}</Table.Td>
              <Table.Td className="number">{quantity(line.done, language)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Card>
  );
}

function Proposed({ one, proposal }: { one: Document; proposal: Proposal }) {
  const { t } = useWords();
  const kinds = useKinds();
  const answer = useAct(
    (act: string) => documents.actOnDocument({ id: one.id, act, base: one.version, proposal: proposal.id }),
    ['document', 'level'],
  );
  const ours = proposal.role === one.ourRole;
  return (
    <Alert title={t.documents.proposed(kinds.word(one.kind, proposal.act), kinds.word(one.kind, proposal.role))}>
      <Stack>
        <Sections one={one} contents={proposal.contents} />
        {answer.isError && <Refused error={answer.error} />}
        <Group>
          {ours ? (
            <Button variant="default" loading={answer.isPending} onClick={() => answer.mutate('withdraw')}>
              {t.documents.withdraw}
            </Button>
          ) : (
            <>
              <Button loading={answer.isPending} onClick={() => answer.mutate('accept')}>
                {t.documents.accept}
              </Button>
              <Button variant="default" loading={answer.isPending} onClick={() => answer.mutate('reject')}>
                {t.documents.reject}
              </Button>
            </>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}

function History({ one }: { one: Document }) {
  const { t, language } = useWords();
  const kinds = useKinds();
  return (
    <Card withBorder>
      <Title order={2} size="h4" mb="sm">
        {t.documents.history}
      </Title>
      <Timeline bulletSize={14} lineWidth={2}>
        {one.acts.map((act) => (
          <Timeline.Item key={act.id} title={kinds.word(one.kind, act.act)}>
            <Text size="sm">
              {kinds.word(one.kind, act.role)} · {moment(act.at, language)} ·{' '}
              {t.documents.actStates[act.state as keyof typeof t.documents.actStates] ?? act.state}
            </Text>
            {act.reason && <Text size="sm">{act.reason}</Text>}
          </Timeline.Item>
        ))}
      </Timeline>
    </Card>
  );
}
