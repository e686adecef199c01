// How documents begin: of a kind with a partner, or out of another document.
import { Button, Group, NativeSelect, Select, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import type { Document } from '../gen/hansa/documents/v1/staff_pb';
import { LinkState } from '../gen/hansa/link/v1/types_pb';
import { useWords } from '../i18n';
import { documents, links } from '../rpc';
import { FormButton, useAct } from './act';
import { type Definition, useKinds } from './kinds';
import { Refused } from './states';

/** The role of whoever begins one. */
function beginner(kind: Definition): string | undefined {
  const acts = Object.values(kind.acts).filter((act) => act.from.includes('draft') && (act.writes?.length ?? 0) > 0);
  return acts[0]?.by[0];
}

const useLinks = () => useQuery({ queryKey: ['link', 'all'], queryFn: () => links.listLinks({}) });

export function Begin() {
  const { t } = useWords();
  const kinds = useKinds();
  const [, go] = useLocation();
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<Record<string, string>>({});
  const all = useLinks();
  // What is about another document begins there.
  const own = [...kinds.all.values()].filter((kind) => !kind.refers_to && beginner(kind));
  const kind = kinds.definition(name);
  const roles = kind ? kind.roles.filter((role) => role !== beginner(kind)) : [];
  const partners = (all.data?.links ?? [])
    .filter((link) => link.state === LinkState.ACTIVE)
    .map((link) => ({ value: link.id, label: link.partner }));
  return (
    <FormButton
      leftSection={<IconPlus size={16} aria-hidden />}
      label={t.documents.begin}
      ready={name !== '' && roles.every((role) => chosen[role])}
      touched={['document']}
      work={async () => {
        const { document } = await documents.createDocument({ kind: name, links: chosen });
        go(`/documents/${document?.id}`);
      }}
    >
      <NativeSelect
        label={t.documents.kind}
        data={['', ...own.map((kind) => kind.name)].map((value) => ({ value, label: value && kinds.title(value) }))}
        value={name}
        onChange={(event) => {
          setName(event.currentTarget.value);
          setChosen({});
        }}
      />
      {roles.map((role) => (
        <Select
          key={role}
          label={kinds.word(name, role)}
          data={partners}
          value={chosen[role] ?? null}
          onChange={(value) => setChosen({ ...chosen, [role]: value ?? '' })}
          searchable
        />
      ))}
    </FormButton>
  );
}

/** What may be made out of this document by us, such as a despatch advice out of an order. */
export function Follow({ one }: { one: Document }) {
  const { t } = useWords();
  const kinds = useKinds();
  const [, go] = useLocation();
  const all = useLinks();
  const open = [...kinds.all.values()].filter(
    (kind) =>
      kind.refers_to?.kind === one.kind && kind.refers_to.in.includes(one.state) && beginner(kind) === one.ourRole,
  );
  const linkOf = (role: string) => {
    const party = one.parties.find((party) => party.role === role);
    return all.data?.links.find((link) => link.partnerId === party?.enterpriseId)?.id ?? '';
  };
  const begin = useAct(
    (kind: Definition) =>
      documents.createDocument({
        kind: kind.name,
        links: Object.fromEntries(
          kind.roles.filter((role) => role !== one.ourRole).map((role) => [role, linkOf(role)]),
        ),
      }),
    ['document'],
    ({ document }) => go(`/documents/${document?.id}?from=${one.id}`),
  );
  if (open.length === 0) return null;
  return (
    <Stack gap="xs">
      <Group gap="xs">
        {open.map((kind) => (
          <Button
            key={kind.name}
            variant="outline"
            loading={begin.isPending}
            disabled={!all.isSuccess}
            onClick={() => begin.mutate(kind)}
          >
            {t.documents.make(kinds.title(kind.name))}
          </Button>
        ))}
      </Group>
      {begin.isError && <Refused error={begin.error} />}
    </Stack>
  );
}
