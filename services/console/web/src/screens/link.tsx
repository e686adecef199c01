// One partner: the terms and the check code side by side, what they see, and how it ends.
import { create } from '@bufbuild/protobuf';
import { Alert, List as Bullets, Button, Card, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { moment } from '../format';
import type { Link } from '../gen/hansa/link/v1/staff_pb';
import { GrantSchema, LinkState, Visibility } from '../gen/hansa/link/v1/types_pb';
import { useWords } from '../i18n';
import { linkStreams, links } from '../rpc';
import { person } from '../session';
import { AskedButton, FormButton, useAct } from '../ui/act';
import { GrantWords, HealthBadge, LinkStateBadge } from '../ui/link';
import { save } from '../ui/save';
import { Loaded, Page, Refused } from '../ui/states';
import { ThreadPanel } from '../ui/thread';
import { LinkHistory } from './link-history';
import { type GrantDraft, GrantFields, grantOf } from './links';
import { OpenBenefits } from './open-benefits';
import { OpenPool } from './open-pool';
import { Parked } from './parked';

export default function LinkPage({ id }: { id: string }) {
  const { t } = useWords();
  const query = useQuery({ queryKey: ['link', id], queryFn: () => links.getLink({ id }), refetchInterval: 5_000 });
  const link = query.data?.link;
  return (
    <Page title={link?.partner || t.links.one} actions={link && <Ways link={link} />}>
      <Loaded query={query}>{(answer) => answer.link && <Whole link={answer.link} />}</Loaded>
    </Page>
  );
}

function Whole({ link }: { link: Link }) {
  const { t, language } = useWords();
  return (
    <Stack>
      <Group gap="xs" role="status">
        <LinkStateBadge state={link.state} />
        <HealthBadge link={link} />
        {link.waitingFor && <Text size="sm">{link.waitingFor}</Text>}
      </Group>
      {link.state === LinkState.REVOKED && (
        <Alert color="red" title={t.links.revoked} role="alert">
          {link.reason || t.links.revokedText}
        </Alert>
      )}
      {link.state === LinkState.SUSPENDED && (
        <Alert color="yellow" title={t.links.suspended}>
          {link.reason || t.links.suspendedText}
        </Alert>
      )}
      {link.state === LinkState.PENDING && <Approve link={link} />}
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Card withBorder>
          <Group justify="space-between" mb="xs">
            <Title order={2} size="h4">
              {t.links.theySee}
            </Title>
            {person()?.may.includes('link.write') && link.state === LinkState.ACTIVE && (
              <Group gap="xs">
                <OpenPool link={link} />
                <OpenBenefits key={String(link.granted?.messages.length)} link={link} />
                <Change link={link} />
              </Group>
            )}
          </Group>
          <GrantWords grant={link.granted} />
        </Card>
        <Card withBorder>
          <Title order={2} size="h4" mb="xs">
            {t.links.weSee}
          </Title>
          <GrantWords grant={link.received} />
        </Card>
      </SimpleGrid>
      {person()?.may.includes('thread.read') && link.state === LinkState.ACTIVE && (
        <ThreadPanel about={{ case: 'linkId', value: link.id }} />
      )}
      <Card withBorder>
        <Title order={2} size="h4" mb="xs">
          {t.links.traffic}
        </Title>
        <Stack gap={2}>
          <Text size="sm">{t.links.lastContact(moment(link.lastContactAt, language) || t.common.never)}</Text>
          <Text size="sm">{t.links.queued(String(link.queueDepth), String(link.parked))}</Text>
          {link.lastRefusal && (
            <Text size="sm">{t.links.lastRefusal(link.lastRefusal, moment(link.lastRefusalAt, language))}</Text>
          )}
          <Text size="sm" className="code">
            {link.partnerId}
          </Text>
        </Stack>
      </Card>
      {link.parked > 0n && <Parked id={link.id} />}
      {link.state !== LinkState.INVITED && link.state !== LinkState.PENDING && <LinkHistory id={link.id} />}
    </Stack>
  );
}

function Approve({ link }: { link: Link }) {
  const { t } = useWords();
  const approve = useAct(() => links.approveLink({ id: link.id, termsHash: link.termsHash }), ['link']);
  const may = person()?.may.includes('link.approve');
  return (
    <Card withBorder>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Stack gap="xs">
          <Title order={2} size="h4">
            {t.links.terms}
          </Title>
          <Bullets size="sm">
            {link.termsText.map((line) => (
              <Bullets.Item key={line}>{line}</Bullets.Item>
            ))}
          </Bullets>
        </Stack>
        <Stack gap="xs" align="center" justify="center">
          <Text fw={600}>{t.links.checkCode}</Text>
          <Text className="check" data-testid="check-code">
            {link.checkCode}
          </Text>
          <Text size="sm" ta="center" c="dimmed">
            {t.links.compare}
          </Text>
          {may && (
            <Group>
              <AskedButton
                label={t.links.decline}
                variant="default"
                warning={t.links.declineText}
                reason
                touched={['link']}
                work={(reason) => links.declineLink({ id: link.id, reason })}
              />
              <Button loading={approve.isPending} onClick={() => approve.mutate()}>
                {t.links.approve}
              </Button>
            </Group>
          )}
          {approve.isError && <Refused error={approve.error} />}
        </Stack>
      </SimpleGrid>
    </Card>
  );
}

function Change({ link }: { link: Link }) {
  const { t } = useWords();
  const now = link.granted;
  const [draft, setDraft] = useState<GrantDraft>({
    visibility: now?.visibility || Visibility.NONE,
    safetyStock: Number(now?.safetyStock ?? 0n),
    mayReserve: now?.mayReserve ?? false,
    documentKinds: now?.documentKinds ?? [],
  });
  return (
    <FormButton
      size="xs"
      variant="default"
      label={t.links.change}
      title={t.links.theySee}
      submit={t.common.save}
      touched={['link']}
      // What these fields do not show stays as it is.
      work={() => links.setGrant({ id: link.id, grant: { ...(now ?? create(GrantSchema)), ...grantOf(draft) } })}
    >
      <GrantFields draft={draft} change={setDraft} />
    </FormButton>
  );
}

function Ways({ link }: { link: Link }) {
  const { t } = useWords();
  const may = person()?.may ?? [];
  const evidence = useAct(async () => {
    const parts: BlobPart[] = [];
    for await (const part of linkStreams.exportEvidence({ id: link.id }))
      parts.push(part.lines as Uint8Array<ArrayBuffer>);
    save(`evidence-${link.id}.jsonl`, new Blob(parts, { type: 'application/x-ndjson' }));
  }, []);
  const lives = link.state === LinkState.ACTIVE || link.state === LinkState.SUSPENDED;
  return (
    <>
      {may.includes('link.evidence') && (
        <Button
          variant="default"
          leftSection={<IconDownload size={16} aria-hidden />}
          loading={evidence.isPending}
          onClick={() => evidence.mutate()}
        >
          {t.links.evidence}
        </Button>
      )}
      {may.includes('link.write') && link.state === LinkState.ACTIVE && (
        <AskedButton
          label={t.links.suspend}
          variant="default"
          warning={t.links.suspendText}
          reason
          touched={['link']}
          work={(reason) => links.suspendLink({ id: link.id, reason })}
        />
      )}
      {may.includes('link.write') && link.state === LinkState.SUSPENDED && (
        <AskedButton
          label={t.links.resume}
          warning={t.links.resumeText}
          touched={['link']}
          work={() => links.resumeLink({ id: link.id })}
        />
      )}
      {may.includes('link.write') && lives && (
        <AskedButton
          label={t.links.revoke}
          color="red"
          warning={t.links.revokeText}
          reason
          touched={['link']}
          work={(reason) => links.revokeLink({ id: link.id, reason })}
        />
      )}
    </>
  );
}
