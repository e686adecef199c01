// Which partner: a choice that stands in the address.
import { NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Link } from '../gen/hansa/link/v1/staff_pb';
import { LinkState } from '../gen/hansa/link/v1/types_pb';
import { useWords } from '../i18n';
import { links } from '../rpc';
import { person } from '../session';

/** Partners with whom we are linked, by id of the link too. */
export function usePartners(): { all: Link[]; name: (linkId: string) => string } {
  const query = useQuery({
    queryKey: ['link', 'all'],
    queryFn: () => links.listLinks({}),
    enabled: person()?.may.includes('link.read') ?? false,
  });
  const all = (query.data?.links ?? []).filter(
    (link) => link.state === LinkState.ACTIVE || link.state === LinkState.SUSPENDED,
  );
  return {
    all,
    name: (id) => query.data?.links.find((link) => link.id === id)?.partner ?? '',
  };
}

export function PartnerChoice({ value, change }: { value: string; change: (linkId: string) => void }) {
  const { t } = useWords();
  const { all } = usePartners();
  return (
    <NativeSelect
      label={t.links.partner}
      data={[{ value: '', label: '' }, ...all.map((link) => ({ value: link.id, label: link.partner }))]}
      value={value}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}
