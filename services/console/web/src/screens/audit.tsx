// Who did what, by which rule; and whether it still says what was signed.
import { Button, Text } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { moment, number } from '../format';
import type { AuditLine } from '../gen/hansa/directory/v1/staff_pb';
import { useWords } from '../i18n';
import { directory } from '../rpc';
import { person } from '../session';
import { useAct } from '../ui/act';
import { Page, Paged, Refused } from '../ui/states';
import { type Column, List } from '../ui/table';

export default function Audit() {
  const { t, language } = useWords();
  const people = useQuery({
    queryKey: ['staff'],
    queryFn: () => directory.listStaff({}),
    enabled: person()?.may.includes('staff.read') ?? false,
  });
  const names = new Map(people.data?.staff.map((one) => [one.id, one.name]));
  const query = useInfiniteQuery({
    queryKey: ['audit'],
    queryFn: ({ pageParam }) => directory.listAuditLines({ page: pageParam }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextPage || undefined,
  });
  const columns: Column<AuditLine>[] = [
    { name: t.audit.at, show: (line) => moment(line.at, language), text: (line) => moment(line.at, 'en') },
    {
      name: t.audit.who,
      show: (line) => names.get(line.actor) ?? line.actor,
      text: (line) => names.get(line.actor) ?? line.actor,
    },
    { name: t.audit.what, show: (line) => line.action, text: (line) => line.action },
    { name: t.audit.on, show: (line) => <span className="code">{line.resource}</span>, text: (line) => line.resource },
    { name: t.audit.rule, show: (line) => line.rule, text: (line) => line.rule },
  ];
  const check = useAct(() => directory.verifyAudit({}), []);
  return (
    <Page
      title={t.nav.audit}
      actions={
        <Button variant="default" loading={check.isPending} onClick={() => check.mutate()}>
          {t.audit.check}
        </Button>
      }
    >
      {check.isError && <Refused error={check.error} />}
      {check.data && (
        <Text role="status">
          {check.data.flaws.length === 0
            ? t.audit.holds(number(check.data.lines, language), number(check.data.checkpoints, language))
            : check.data.flaws.map((flaw) => flaw.text).join('; ')}
        </Text>
      )}
      <Paged query={query} rows={query.data?.pages.flatMap((page) => page.lines)} none={t.common.nothing}>
        {(rows) => <List label={t.nav.audit} rows={rows} columns={columns} id={(line) => line.id} />}
      </Paged>
    </Page>
  );
}
