// Partners: who they are, how each link stands, and how a new one begins.
import {
  Button,
  Checkbox,
  CopyButton,
  Fieldset,
  Group,
  Modal,
  NativeSelect,
  NumberInput,
  Stack,
  Switch,
  Text,
  Textarea,
} from '@mantine/core';
import { IconPlus, IconTicket } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import type { Link } from '../gen/hansa/link/v1/staff_pb';
import { LinkState, Visibility } from '../gen/hansa/link/v1/types_pb';
import { useWords } from '../i18n';
import { links } from '../rpc';
import { person } from '../session';
import { FormButton } from '../ui/act';
import { useKinds } from '../ui/kinds';
import { HealthBadge, LinkStateBadge } from '../ui/link';
import { Empty, Loaded, Page, Waiting } from '../ui/states';
import { type Column, List } from '../ui/table';

const Qr = lazy(() => import('../ui/qr'));

export default function Links() {
  const { t } = useWords();
  const query = useQuery({ queryKey: ['link', 'all'], queryFn: () => links.listLinks({}), refetchInterval: 10_000 });
  const may = person()?.may.includes('link.write') ?? false;
  const columns: Column<Link>[] = [
    { name: t.links.partner, show: (link) => link.partner || t.links.nobodyYet, text: (link) => link.partner },
    {
      name: t.links.state,
      show: (link) => <LinkStateBadge state={link.state} />,
      text: (link) => t.links.states[LinkState[link.state] as keyof typeof t.links.states],
    },
    { name: t.links.health, show: (link) => <HealthBadge link={link} /> },
    { name: t.links.waitingFor, show: (link) => link.waitingFor, text: (link) => link.waitingFor },
    {
      name: t.links.queue,
      show: (link) => String(link.queueDepth),
      text: (link) => String(link.queueDepth),
      number: true,
    },
  ];
  return (
    <Page
      title={t.nav.links}
      actions={
        may && (
          <>
            <Accept />
            <Invite />
          </>
        )
      }
    >
      <Loaded query={query}>
        {(answer) =>
          answer.links.length === 0 ? (
            <Empty>{t.links.none}</Empty>
          ) : (
            <List
              label={t.nav.links}
              rows={answer.links}
              columns={columns}
              id={(link) => link.id}
              to={(link) => `/links/${link.id}`}
            />
          )
        }
      </Loaded>
    </Page>
  );
}

export interface GrantDraft {
  visibility: Visibility;
  safetyStock: number;
  mayReserve: boolean;
  documentKinds: string[];
}

export const emptyGrant: GrantDraft = {
  visibility: Visibility.YES_NO,
  safetyStock: 0,
  mayReserve: false,
  documentKinds: [],
};

export const grantOf = (draft: GrantDraft) => ({
  visibility: draft.visibility,
  safetyStock: BigInt(draft.safetyStock),
  mayReserve: draft.mayReserve,
  documentKinds: draft.documentKinds,
  // Bands that most shops can live with; the command line takes others.
  bands: draft.visibility === Visibility.BANDED ? [1n, 10n, 25n, 50n, 100n] : [],
});

/** What one side lets the other see and do. */
export function GrantFields({ draft, change }: { draft: GrantDraft; change: (draft: GrantDraft) => void }) {
  const { t } = useWords();
  const kinds = useKinds();
  const shared = [...kinds.all.values()].filter((kind) => kind.roles.length > 1);
  const levels = [
    { value: String(Visibility.NONE), label: t.grant.levels.none },
    { value: String(Visibility.YES_NO), label: t.grant.levels.yesNo },
    { value: String(Visibility.BANDED), label: t.grant.levels.banded },
    { value: String(Visibility.EXACT), label: t.grant.levels.exact },
  ];
  return (
    <Stack gap="sm">
      <NativeSelect
        label={t.grant.stock}
        data={levels}
        value={String(draft.visibility)}
        onChange={(event) => change({ ...draft, visibility: Number(event.currentTarget.value) as Visibility })}
      />
      <NumberInput
        label={t.grant.safety}
        min={0}
        max={1_000_000}
        allowDecimal={false}
        value={draft.safetyStock}
        onChange={(value) => change({ ...draft, safetyStock: Number(value) || 0 })}
      />
      <Switch
        label={t.grant.mayReserve}
        checked={draft.mayReserve}
        onChange={(event) => change({ ...draft, mayReserve: event.currentTarget.checked })}
      />
      <Checkbox.Group
        label={t.grant.kinds}
        value={draft.documentKinds}
        onChange={(documentKinds) => change({ ...draft, documentKinds })}
      >
        <Group gap="xs" mt={6}>
          {shared.map((kind) => (
            <Checkbox key={kind.name} value={kind.name} label={kinds.title(kind.name)} />
          ))}
        </Group>
      </Checkbox.Group>
    </Stack>
  );
}

function Invite() {
  const { t } = useWords();
  const [ours, setOurs] = useState<GrantDraft>(emptyGrant);
  const [theirs, setTheirs] = useState<GrantDraft>(emptyGrant);
  const [made, setMade] = useState('');
  return (
    <>
      <FormButton
        leftSection={<IconPlus size={16} aria-hidden />}
        label={t.links.invite}
        submit={t.links.makeInvite}
        wide
        touched={['link']}
        work={async () => setMade((await links.createInvite({ grant: grantOf(ours), ask: grantOf(theirs) })).invite)}
      >
        <Fieldset legend={t.links.weGive}>
          <GrantFields draft={ours} change={setOurs} />
        </Fieldset>
        <Fieldset legend={t.links.weAsk}>
          <GrantFields draft={theirs} change={setTheirs} />
        </Fieldset>
      </FormButton>
      <Modal
        opened={made !== ''}
        onClose={() => setMade('')}
        title={t.links.invite}
        size="lg"
        closeButtonProps={{ 'aria-label': t.common.close }}
      >
        <Stack>
          <Text>{t.links.inviteMade}</Text>
          <Suspense fallback={<Waiting />}>
            <Qr text={made} name="invitation" label={t.links.inviteText} />
          </Suspense>
          <Textarea
            label={t.links.inviteText}
            value={made}
            readOnly
            autosize
            classNames={{ input: 'code' }}
            data-testid="invite"
          />
          <CopyButton value={made}>
            {({ copied, copy }) => <Button onClick={copy}>{copied ? t.common.copied : t.common.copy}</Button>}
          </CopyButton>
        </Stack>
      </Modal>
    </>
  );
}

function Accept() {
  const { t } = useWords();
  // Whoever has scanned one comes with it.
  const [text, setText] = useState(new URLSearchParams(useSearch()).get('invite') ?? '');
  const [, go] = useLocation();
  return (
    <FormButton
      variant="default"
      leftSection={<IconTicket size={16} aria-hidden />}
      label={t.links.accept}
      submit={t.links.look}
      ready={text.trim() !== ''}
      begun={text !== ''}
      touched={['link']}
      work={async () => {
        const { link } = await links.acceptInvite({ invite: text.trim() });
        go(`/links/${link?.id}`);
      }}
    >
      <Textarea
        label={t.links.inviteText}
        description={t.links.paste}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        autosize
        minRows={3}
        classNames={{ input: 'code' }}
      />
    </FormButton>
  );
}
