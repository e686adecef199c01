// What needs me.
import { Badge, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { Link } from 'wouter';
import { number } from '../format';
import { Which } from '../gen/hansa/workflow/v1/staff_pb';
import { useWords } from '../i18n';
import { documents, inventory, links, workflow } from '../rpc';
import { person } from '../session';
import { Box } from '../ui/box';
import { useKinds } from '../ui/kinds';
import { free } from '../ui/level';
import { HealthBadge, LinkStateBadge } from '../ui/link';
import { Empty, Loaded, Page } from '../ui/states';

const Needs = lazy(() => import('./needs'));

export default function Home() {
  const { t } = useWords();
  const may = person()?.may ?? [];
  return (
    <Page title={t.home.hello(person()?.staffName ?? '')}>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        {may.includes('approval.decide') && <ToDecide />}
        {may.includes('document.read') && <Waits />}
        {may.includes('stock.read') && <RunsLow />}
        {may.includes('link.read') && <Health />}
        <Suspense fallback={null}>
          <Needs />
        </Suspense>
      </SimpleGrid>
    </Page>
  );
}

function ToDecide() {
  const { t } = useWords();
  const query = useQuery({
    queryKey: ['approval', 'to-decide'],
    queryFn: () => workflow.listApprovals({ which: Which.TO_DECIDE, pageSize: 5 }),
  });
  return (
    <Box title={t.home.approvals} to="/approvals">
      <Loaded query={query}>
        {({ approvals }) =>
          approvals.length === 0 ? (
            <Empty>{t.home.noApprovals}</Empty>
          ) : (
            <Stack gap="xs">
              {approvals.map((approval) => (
                <Group key={approval.id} justify="space-between" wrap="nowrap">
                  <Link href={`/approvals?id=${approval.id}`}>{approval.title}</Link>
                  <Text size="sm" c="dimmed">
                    {approval.requesterName}
                  </Text>
                </Group>
              ))}
            </Stack>
          )
        }
      </Loaded>
    </Box>
  );
}

function Waits() {
  const { t } = useWords();
  const kinds = useKinds();
  const query = useQuery({
    queryKey: ['document', 'open'],
    queryFn: () => documents.listDocuments({ openOnly: true, pageSize: 100 }),
  });
  return (
    <Box title={t.home.waits} to="/documents?open=1">
      <Loaded query={query}>
        {(answer) => {
          const ours = answer.documents
            .filter((one) => one.waitsFor !== '' && one.waitsFor === one.ourRole)
            .slice(0, 8);
          return ours.length === 0 ? (
            <Empty>{t.home.noWaits}</Empty>
          ) : (
            <Stack gap="xs">
              {ours.map((one) => (
                <Group key={one.id} justify="space-between" wrap="nowrap">
                  <Link href={`/documents/${one.id}`}>{one.number || kinds.title(one.kind)}</Link>
                  <Group gap={6} wrap="nowrap">
                    {one.overdue && <Badge color="red">{t.documents.overdue}</Badge>}
                    <Badge>{kinds.word(one.kind, one.state)}</Badge>
                  </Group>
                </Group>
              ))}
            </Stack>
          );
        }}
      </Loaded>
    </Box>
  );
}

function RunsLow() {
  const { t, language } = useWords();
  const query = useQuery({
    queryKey: ['level', 'low'],
    queryFn: () => inventory.listLow({}),
  });
  return (
    <Box title={t.figures.low.title} to="/stock?tab=low">
      <Loaded query={query}>
        {({ levels, watched }) =>
          levels.length === 0 ? (
            <Empty>{watched === 0n ? t.figures.low.unwatched : t.figures.low.none}</Empty>
          ) : (
            <Stack gap="xs">
              {levels.slice(0, 5).map((level) => (
                <Group key={`${level.sku}/${level.location}/${level.lot}`} justify="space-between" wrap="nowrap">
                  <Link href={`/stock?tab=ours&item=${encodeURIComponent(level.sku)}`}>{level.name || level.sku}</Link>
                  <Text size="sm">
                    {number(free(level), language)} / {number(level.safetyStock?.value ?? 0n, language)}
                  </Text>
                </Group>
              ))}
            </Stack>
          )
        }
      </Loaded>
    </Box>
  );
}

function Health() {
  const { t } = useWords();
  const query = useQuery({ queryKey: ['link', 'all'], queryFn: () => links.listLinks({}), refetchInterval: 15_000 });
  return (
    <Box title={t.home.links} to="/links">
      <Loaded query={query}>
        {(answer) =>
          answer.links.length === 0 ? (
            <Empty>{t.links.none}</Empty>
          ) : (
            <Stack gap="xs">
              {answer.links.slice(0, 8).map((link) => (
                <Group key={link.id} justify="space-between" wrap="nowrap">
                  <Link href={`/links/${link.id}`}>{link.partner || t.links.nobodyYet}</Link>
                  <Group gap={6} wrap="nowrap">
                    <LinkStateBadge state={link.state} />
                    <HealthBadge link={link} />
                  </Group>
                </Group>
              ))}
            </Stack>
          )
        }
      </Loaded>
    </Box>
  );
}
