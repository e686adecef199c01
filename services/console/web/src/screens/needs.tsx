// What else needs somebody: unread messages, invoices that are off, what partners have not deleted, shares without an answer, messages set aside.
import { Badge, Group, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { number } from '../format';
import { useWords } from '../i18n';
import { links } from '../rpc';
import { apps } from '../rpc-apps';
import { members } from '../rpc-people';
import { conversations, prices, procurement } from '../rpc-trade';
import { person } from '../session';
import { Box } from '../ui/box';

const OFTEN = 15_000;
/** Threads that are counted; beyond that, more is not told. */
const THREADS_MAX = 100;

interface Need {
  name: string;
  to: string;
  count: number;
}

/** How many there are, where one may look; none otherwise. */
function useCount(topic: string[], may: boolean, ask: () => Promise<number>): number {
  const query = useQuery({ queryKey: topic, queryFn: ask, enabled: may, refetchInterval: OFTEN });
  return query.data ?? 0;
}

function useNeeds(): Need[] {
  const { t } = useWords();
  const may = (...actions: string[]) => actions.every((action) => person()?.may.includes(action));
  const unread = useCount(['thread', 'unread'], may('thread.read'), async () => {
    const { threads } = await conversations.listThreads({ unreadOnly: true, pageSize: THREADS_MAX });
    return threads.length;
  });
  const off = useCount(['document', 'off'], may('document.read', 'link.read'), async () => {
    const [matched, priced] = await Promise.all([procurement.listMatchExceptions({}), prices.listPriceExceptions({})]);
    return matched.exceptions.length + priced.exceptions.length;
  });
  const late = useCount(['withdrawal', 'late'], may('pool.read', 'link.read'), async () => {
    const { withdrawals } = await members.listWithdrawals({ openOnly: true });
    return withdrawals.filter((one) => one.late).length;
  });
  const offered = useCount(['share', 'offered'], may('app.accept'), async () => {
    const { shares } = await apps.listShares({ state: 'offered' });
    return shares.filter((one) => !one.given).length;
  });
  const aside = useCount(['link', 'aside'], may('link.write'), async () => {
    const all = await links.listLinks({});
    return all.links.reduce((sum, link) => sum + Number(link.parked), 0);
  });
  return [
    { name: t.needs.unread, to: '/threads?unread=1', count: unread },
    { name: t.needs.off, to: '/prices?tab=exceptions', count: off },
    { name: t.needs.late, to: '/pools?tab=withdrawals', count: late },
    { name: t.needs.offered, to: '/apps?tab=shares', count: offered },
    { name: t.needs.aside, to: '/links', count: aside },
  ].filter(({ count }) => count > 0);
}

/** Nothing where nothing needs anybody. */
export default function Needs() {
  const { t, language } = useWords();
  const needs = useNeeds();
  if (needs.length === 0) return null;
  return (
    <Box title={t.needs.title}>
      <Stack gap="xs">
        {needs.map(({ name, to, count }) => (
          <Group key={to} justify="space-between" wrap="nowrap">
            <Link href={to}>{name}</Link>
            <Badge color="orange" flex="none">
              {number(count, language)}
            </Badge>
          </Group>
        ))}
      </Stack>
    </Box>
  );
}
