// Who approves what, as it stands.
import { Badge, Card, Group, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Flow } from '../gen/hansa/workflow/v1/staff_pb';
import { useWords } from '../i18n';
import { workflow } from '../rpc';
import { person } from '../session';
import { AskedButton } from '../ui/act';
import { useColleagues } from '../ui/colleagues';
import { useKinds } from '../ui/kinds';
import { Empty, Loaded, Page } from '../ui/states';

/** A flow's definition, as far as it is shown; CONTRIBUTING.md has the whole. */
interface Definition {
  steps: {
    name: string;
    when?: string;
    rule?: string;
    within?: string;
    by: { role?: string; staff?: string[]; manager?: boolean; partner?: string };
  }[];
}

export default function Flows() {
  const { t } = useWords();
  const query = useQuery({ queryKey: ['flow'], queryFn: () => workflow.listFlows({}) });
  return (
    <Page title={t.nav.flows}>
      <Text size="sm">{t.flows.about}</Text>
      <Loaded query={query}>
        {({ flows }) =>
          flows.length === 0 ? (
            <Empty>{t.flows.none}</Empty>
          ) : (
            <Stack>
              {flows.map((flow) => (
                <One key={flow.name} flow={flow} />
              ))}
            </Stack>
          )
        }
      </Loaded>
    </Page>
  );
}

function One({ flow }: { flow: Flow }) {
  const { t, language } = useWords();
  const kinds = useKinds();
  const may = person()?.may ?? [];
  const people = useColleagues();
  const nameOf = (id: string) => people.find((one) => one.id === id)?.name ?? id;
  const { steps } = JSON.parse(flow.definition) as Definition;
  const who = (by: Definition['steps'][number]['by']) => {
    if (by.role) return t.staff.roles[by.role.toUpperCase() as keyof typeof t.staff.roles] ?? by.role;
    if (by.staff) return by.staff.map(nameOf).join(', ');
    return Object.entries(by)
      .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
      .join(', ');
  };
  return (
    <Card withBorder>
      <Group justify="space-between" align="flex-start">
        <Stack gap={2}>
          <Title order={2} size="h4">
            {flow.title[language] ?? flow.title.en ?? flow.name}
          </Title>
          <Text size="sm">{t.flows.on(kinds.title(flow.kind), kinds.word(flow.kind, flow.act))}</Text>
        </Stack>
        {may.includes('flow.write') && (
          <AskedButton
            size="xs"
            variant="default"
            label={t.flows.retire}
            warning={t.flows.retireText}
            touched={['flow']}
            work={() => workflow.retireFlow({ name: flow.name })}
          />
        )}
      </Group>
      <Stack gap="xs" mt="sm" component="ol">
        {steps.map((step) => (
          <li key={step.name}>
            <Group gap="xs">
              <Text size="sm" fw={600}>
                {step.name.replaceAll('_', ' ')}
              </Text>
              <Badge>{who(step.by)}</Badge>
              {step.rule && (
                <Badge color="gray">{t.flows.rules[step.rule as keyof typeof t.flows.rules] ?? step.rule}</Badge>
              )}
            </Group>
            {step.when && (
              <Text size="xs" className="code">
                {t.flows.when} {step.when}
              </Text>
            )}
          </li>
        ))}
      </Stack>
    </Card>
  );
}
