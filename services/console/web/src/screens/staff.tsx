// Our people, what they are for, how they come in, and their API keys.
import { Alert, Badge, Button, Checkbox, CopyButton, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { moment } from '../format';
import { type ApiKey, Role, type Staff } from '../gen/hansa/directory/v1/staff_pb';
import { useWords } from '../i18n';
import { directory } from '../rpc';
import { person } from '../session';
import { AskedButton, FormButton, useAct } from '../ui/act';
import { Empty, Loaded, Page, Refused } from '../ui/states';
import { type Column, List } from '../ui/table';
import { Issuer } from './issuer';

const roles = [
  Role.OWNER,
  Role.ADMIN,
  Role.BUYER,
  Role.APPROVER,
  Role.STORE,
  Role.MARKETER,
  Role.SUPPORT,
  Role.AUDITOR,
];

function useRoleName() {
  const { t } = useWords();
  return (role: Role) => t.staff.roles[Role[role] as keyof typeof t.staff.roles] ?? Role[role];
}

export default function People() {
  const { t } = useWords();
  const role = useRoleName();
  const may = person()?.may ?? [];
  const query = useQuery({ queryKey: ['staff'], queryFn: () => directory.listStaff({}) });
  const columns: Column<Staff>[] = [
    { name: t.staff.name, show: (one) => one.name, text: (one) => one.name },
    {
      name: t.staff.roleNames,
      show: (one) => (
        <Group gap={4}>
          {one.roles.map((each) => (
            <Badge key={each}>{role(each)}</Badge>
          ))}
        </Group>
      ),
      text: (one) => one.roles.map(role).join('; '),
    },
    { name: t.staff.units, show: (one) => one.units.join(', '), text: (one) => one.units.join('; ') },
    {
      name: t.links.state,
      show: (one) =>
        one.disabled ? <Badge color="red">{t.staff.disabled}</Badge> : <Badge color="teal">{t.staff.active}</Badge>,
      text: (one) => (one.disabled ? t.staff.disabled : t.staff.active),
    },
    {
      name: t.stock.ways,
      show: (one) =>
        one.disabled ? (
          ''
        ) : (
          <Group gap={6}>
            {may.includes('key.write') && <InviteLink one={one} />}
            {may.includes('key.read') && <Keys one={one} />}
            {may.includes('staff.write') && <Move key={one.units.join()} one={one} />}
            {may.includes('staff.write') && one.id !== person()?.staffId && (
              <AskedButton
                size="xs"
                variant="default"
                label={t.staff.disable}
                warning={t.staff.disableText(one.name)}
                touched={['staff']}
                work={() => directory.disableStaff({ id: one.id })}
              />
            )}
          </Group>
        ),
    },
  ];
  return (
    <Page title={t.nav.staff} actions={may.includes('staff.write') && <New />}>
      <Loaded query={query}>
        {(answer) => <List label={t.nav.staff} rows={answer.staff} columns={columns} id={(one) => one.id} />}
      </Loaded>
      <Issuer />
    </Page>
  );
}

/** Where somebody works, with commas. */
const unitsOf = (text: string) =>
  text
    .split(',')
    .map((unit) => unit.trim())
    .filter(Boolean);

function New() {
  const { t } = useWords();
  const name = useRoleName();
  const [who, setWho] = useState('');
  const [chosen, setChosen] = useState<string[]>([]);
  const [units, setUnits] = useState('');
  return (
    <FormButton
      leftSection={<IconPlus size={16} aria-hidden />}
      label={t.staff.add}
      submit={t.common.save}
      ready={who.trim() !== '' && chosen.length > 0}
      touched={['staff']}
      work={() => directory.createStaff({ name: who.trim(), roles: chosen.map(Number), units: unitsOf(units) })}
      done={() => {
        setWho('');
        setChosen([]);
      }}
    >
      <TextInput
        label={t.staff.name}
        value={who}
        maxLength={120}
        onChange={(event) => setWho(event.currentTarget.value)}
        data-autofocus
      />
      <Checkbox.Group label={t.staff.roleNames} value={chosen} onChange={setChosen}>
        <Group gap="xs" mt={6}>
          {roles.map((role) => (
            <Checkbox key={role} value={String(role)} label={name(role)} />
          ))}
        </Group>
      </Checkbox.Group>
      <TextInput
        label={t.staff.units}
        description={t.staff.unitsRule}
        value={units}
        onChange={(event) => setUnits(event.currentTarget.value)}
      />
    </FormButton>
  );
}

function Move({ one }: { one: Staff }) {
  const { t } = useWords();
  const [units, setUnits] = useState(one.units.join(', '));
  return (
    <FormButton
      size="xs"
      variant="default"
      label={t.staff.move}
      title={t.staff.moveTitle(one.name)}
      submit={t.common.save}
      touched={['staff']}
      work={() => directory.moveStaff({ id: one.id, units: unitsOf(units) })}
    >
      <TextInput
        label={t.staff.units}
        description={t.staff.unitsRule}
        value={units}
        onChange={(event) => setUnits(event.currentTarget.value)}
        data-autofocus
      />
    </FormButton>
  );
}

function InviteLink({ one }: { one: Staff }) {
  const { t, language } = useWords();
  const [open, { open: show, close }] = useDisclosure(false);
  const invite = useAct(() => directory.inviteStaff({ staffId: one.id }), []);
  const address = invite.data && `${location.origin}${invite.data.path}`;
  return (
    <>
      <Button
        size="xs"
        variant="light"
        onClick={() => {
          show();
          invite.mutate();
        }}
      >
        {t.staff.invite}
      </Button>
      <Modal
        opened={open}
        onClose={close}
        title={t.staff.inviteTitle(one.name)}
        closeButtonProps={{ 'aria-label': t.common.close }}
      >
        <Stack>
          {invite.isError && <Refused error={invite.error} />}
          {address && (
            <>
              <Text size="sm">{t.staff.inviteText(moment(invite.data?.expiresAt, language))}</Text>
              <TextInput
                readOnly
                value={address}
                aria-label={t.staff.invite}
                classNames={{ input: 'code' }}
                data-testid="invite-link"
              />
              <CopyButton value={address}>
                {({ copied, copy }) => <Button onClick={copy}>{copied ? t.common.copied : t.common.copy}</Button>}
              </CopyButton>
            </>
          )}
        </Stack>
      </Modal>
    </>
  );
}

function Keys({ one }: { one: Staff }) {
  const { t, language } = useWords();
  const [open, { open: show, close }] = useDisclosure(false);
  const [label, setLabel] = useState('');
  const query = useQuery({
    queryKey: ['key', one.id],
    queryFn: () => directory.listApiKeys({ staffId: one.id }),
    enabled: open,
  });
  const make = useAct(() => directory.createApiKey({ staffId: one.id, label }), ['key']);
  const may = person()?.may.includes('key.write');
  const columns: Column<ApiKey>[] = [
    { name: t.staff.label, show: (key) => key.label || key.id, text: (key) => key.label },
    { name: t.staff.until, show: (key) => moment(key.expiresAt, language), text: (key) => moment(key.expiresAt, 'en') },
    {
      name: t.stock.ways,
      show: (key) =>
        key.revoked ? (
          <Badge color="red">{t.staff.revoked}</Badge>
        ) : may ? (
          <AskedButton
            size="xs"
            variant="default"
            label={t.staff.revoke}
            warning={t.staff.revokeText}
            touched={['key']}
            work={() => directory.revokeApiKey({ id: key.id })}
          />
        ) : (
          ''
        ),
    },
  ];
  return (
    <>
      <Button size="xs" variant="default" onClick={show}>
        {t.staff.keys}
      </Button>
      <Modal
        opened={open}
        onClose={close}
        title={t.staff.keysOf(one.name)}
        size="lg"
        closeButtonProps={{ 'aria-label': t.common.close }}
      >
        <Stack>
          <Loaded query={query}>
            {(answer) =>
              answer.apiKeys.length === 0 ? (
                <Empty>{t.staff.noKeys}</Empty>
              ) : (
                <List label={t.staff.keys} rows={answer.apiKeys} columns={columns} id={(key) => key.id} />
              )
            }
          </Loaded>
          {make.data && (
            <Alert color="teal" title={t.staff.keyOnce}>
              <Text className="code" size="sm">
                {make.data.secret}
              </Text>
            </Alert>
          )}
          {make.isError && <Refused error={make.error} />}
          {may && (
            <Group align="flex-end">
              <TextInput
                label={t.staff.label}
                value={label}
                maxLength={80}
                onChange={(event) => setLabel(event.currentTarget.value)}
              />
              <Button loading={make.isPending} onClick={() => make.mutate()}>
                {t.staff.newKey}
              </Button>
            </Group>
          )}
        </Stack>
      </Modal>
    </>
  );
}
