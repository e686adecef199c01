// What has to be approved, with all that is known of it and the whole trail.
import {
  Badge,
  Button,
  Card,
  Group,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Text,
  Textarea,
  Timeline,
  Title,
} from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { digitsOf, moment, money } from '../format';
import { type Approval, Verdict, Which } from '../gen/hansa/workflow/v1/staff_pb';
import { useWords } from '../i18n';
import { workflow } from '../rpc';
import { person } from '../session';
import { AskedButton, FormButton, useAct } from '../ui/act';
import { ColleagueChoice } from '../ui/colleagues';
import { useKinds } from '../ui/kinds';
import { Outlook } from '../ui/purchase';
import { Empty, Loaded, Page, Refused } from '../ui/states';

const which: Record<string, Which> = { decide: Which.TO_DECIDE, asked: Which.ASKED, all: Which.ALL };

export default function Approvals() {
  const { t } = useWords();
  const search = new URLSearchParams(useSearch());
  const [, go] = useLocation();
  const shown = search.get('which') ?? 'decide';
  const id = search.get('id') ?? '';
  const query = useQuery({
    queryKey: ['approval', shown],
    queryFn: () => workflow.listApprovals({ which: which[shown] ?? Which.TO_DECIDE, pageSize: 100 }),
  });
  return (
    <Page
      title={t.nav.approvals}
      actions={
        <Button component={Link} href="/approvals/times" variant="default">
          {t.figures.times.title}
        </Button>
      }
    >
      <SegmentedControl
        value={shown}
        onChange={(value) => go(`/approvals?which=${value}`)}
        data={[
          { value: 'decide', label: t.approvals.decide },
          { value: 'asked', label: t.approvals.asked },
          { value: 'all', label: t.documents.all },
        ]}
        aria-label={t.nav.approvals}
      />
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Loaded query={query}>
          {({ approvals }) =>
            approvals.length === 0 ? (
              <Empty>{t.home.noApprovals}</Empty>
            ) : (
              <Stack gap="xs">
                {approvals.map((one) => (
                  <Row key={one.id} one={one} to={`/approvals?which=${shown}&id=${one.id}`} here={one.id === id} />
                ))}
              </Stack>
            )
          }
        </Loaded>
        {id && <One id={id} />}
      </SimpleGrid>
    </Page>
  );
}

function State({ one }: { one: Approval }) {
  const { t } = useWords();
  const color = one.state === 'open' ? 'blue' : one.state === 'approved' || one.state === 'passed' ? 'teal' : 'red';
  return <Badge color={color}>{t.approvals.states[one.state as keyof typeof t.approvals.states] ?? one.state}</Badge>;
}

function Row({ one, to, here }: { one: Approval; to: string; here: boolean }) {
  const { language } = useWords();
  return (
    <Card withBorder padding="sm" bg={here ? 'var(--mantine-primary-color-light)' : undefined}>
      <Group justify="space-between" wrap="nowrap">
        <Link href={to}>{one.title}</Link>
        <State one={one} />
      </Group>
      <Text size="sm">
        {one.requesterName} · {moment(one.openedAt, language)}
      </Text>
    </Card>
  );
}

function One({ id }: { id: string }) {
  const { t, language } = useWords();
  const kinds = useKinds();
  const query = useQuery({ queryKey: ['approval', id], queryFn: () => workflow.getApproval({ id }) });
  const one = query.data?.approval;
  return (
    <Card withBorder>
      <Loaded query={query}>
        {() =>
          one && (
            <Stack>
              <Group justify="space-between">
                <Title order={2} size="h4">
                  {one.title}
                </Title>
                <State one={one} />
              </Group>
              <Text size="sm">
                {kinds.word(one.kind, one.act)} · {one.requesterName} · {moment(one.openedAt, language)}
              </Text>
              {one.total !== undefined && (
                <Text fw={600}>{money(one.total, digitsOf(one.currency), one.currency, language)}</Text>
              )}
              {!one.linkId && <Link href={`/documents/${one.subjectId}`}>{t.approvals.open}</Link>}
              {!one.linkId && person()?.may.includes('document.read') && <Outlook id={one.subjectId} />}
              {one.ours && <Decide one={one} />}
              {one.ours && <Add one={one} />}
              {one.state === 'open' && one.requesterId === person()?.staffId && (
                <Group>
                  <AskedButton
                    variant="default"
                    label={t.purchase.withdraw}
                    warning={t.purchase.withdrawText}
                    touched={['approval', 'document']}
                    work={() => workflow.withdrawRequest({ id: one.id })}
                  />
                </Group>
              )}
              <Trail one={one} />
            </Stack>
          )
        }
      </Loaded>
    </Card>
  );
}

/** Somebody else is asked as well: it waits for them too. */
function Add({ one }: { one: Approval }) {
  const { t } = useWords();
  const [who, setWho] = useState('');
  return (
    <Group>
      <FormButton
        size="xs"
        variant="default"
        label={t.approvals.add}
        submit={t.common.save}
        ready={who !== ''}
        touched={['approval']}
        work={() => workflow.addApprover({ id: one.id, staffId: who })}
        done={() => setWho('')}
      >
        <Text size="sm">{t.approvals.addText}</Text>
        <ColleagueChoice label={t.delegation.to} value={who} change={setWho} others />
      </FormButton>
    </Group>
  );
}

function Decide({ one }: { one: Approval }) {
  const { t } = useWords();
  const [note, setNote] = useState('');
  const decide = useAct((verdict: Verdict) => workflow.decide({ id: one.id, verdict, note }), ['approval', 'document']);
  const needsNote = note.trim() === '';
  return (
    <Stack gap="xs">
      <Textarea
        label={t.approvals.note}
        value={note}
        maxLength={400}
        onChange={(event) => setNote(event.currentTarget.value)}
        autosize
      />
      {decide.isError && <Refused error={decide.error} />}
      <Group>
        <Button loading={decide.isPending} onClick={() => decide.mutate(Verdict.APPROVE)}>
          {t.approvals.approve}
        </Button>
        <Button
          variant="default"
          disabled={needsNote}
          loading={decide.isPending}
          onClick={() => decide.mutate(Verdict.RETURN)}
        >
          {t.approvals.return}
        </Button>
        <Button
          variant="default"
          color="red"
          disabled={needsNote}
          loading={decide.isPending}
          onClick={() => decide.mutate(Verdict.REJECT)}
        >
          {t.approvals.reject}
        </Button>
      </Group>
    </Stack>
  );
}

function Trail({ one }: { one: Approval }) {
  const { t, language } = useWords();
  return (
    <Timeline bulletSize={14} lineWidth={2}>
      {one.steps.map((step) => (
        <Timeline.Item key={step.name} title={step.name}>
          {step.unknown && <Text size="sm">{step.unknown}</Text>}
          {step.parts.map((part) => (
            <Text size="sm" key={part.staffId || part.linkId}>
              {part.staffName || part.partnerName}:{' '}
              {t.approvals.parts[part.state as keyof typeof t.approvals.parts] ?? part.state}
              {part.decidedAt ? ` · ${moment(part.decidedAt, language)}` : ''}
              {part.decidedByName ? ` · ${part.decidedByName}` : ''}
              {part.overdue ? ` · ${t.documents.overdue}` : ''}
              {part.note ? ` — ${part.note}` : ''}
            </Text>
          ))}
        </Timeline.Item>
      ))}
    </Timeline>
  );
}
