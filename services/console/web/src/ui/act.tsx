// A button that does something at the server: it waits, says what came of it, and shows a refusal where it was pressed.
import { Button, type ButtonProps, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useWords } from '../i18n';
import { Refused } from './states';

/** Does it, and looks again at what it may have changed; nothing named = it only asks. */
export function useAct<A, R>(work: (given: A) => Promise<R>, touched: string[], done?: (result: R) => void) {
  const queries = useQueryClient();
  const { t } = useWords();
  return useMutation({
    mutationFn: work,
    onSuccess: async (result) => {
      await Promise.all(touched.map((topic) => queries.invalidateQueries({ queryKey: [topic] })));
      // Where nothing has changed, the answer itself is what one sees.
      if (touched.length > 0)
        notifications.show({ message: t.common.done, color: 'teal', autoClose: 2_500, withCloseButton: false });
      done?.(result);
    },
  });
}

interface Filled extends ButtonProps {
  label: string;
  title?: string;
  /** What the button of the form says; as the one that opens it without it. */
  submit?: string;
  /** May it be sent as it stands. */
  ready?: boolean;
  wide?: boolean;
  /** It is open already: something has been brought along. */
  begun?: boolean;
  /** It is a question: it stands in the middle, and can be answered with no. */
  asked?: boolean;
  children: ReactNode;
  work: () => Promise<unknown>;
  touched: string[];
  done?: () => void;
}

/** A button that opens a form; it closes when the server has taken what was filled in. */
export function FormButton({
  label,
  title = label,
  submit = label,
  ready = true,
  wide,
  begun = false,
  asked,
  children,
  work,
  touched,
  done,
  ...button
}: Filled) {
  const [open, { open: show, close }] = useDisclosure(begun);
  const { t } = useWords();
  const act = useAct(work, touched, () => {
    close();
    done?.();
  });
  return (
    <>
      <Button {...button} onClick={show}>
        {label}
      </Button>
      <Modal
        opened={open}
        onClose={close}
        title={title}
        size={wide ? 'lg' : 'md'}
        centered={asked}
        closeButtonProps={{ 'aria-label': t.common.close }}
      >
        <form
          onSubmit={(event) => {
            event.preventDefault();
            act.mutate(undefined);
          }}
        >
          <Stack>
            {children}
            {act.isError && <Refused error={act.error} />}
            <Group justify="flex-end">
              {asked && (
                <Button variant="default" onClick={close}>
                  {t.common.cancel}
                </Button>
              )}
              <Button type="submit" color={button.color} loading={act.isPending} disabled={!ready}>
                {submit}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}

interface Asked extends ButtonProps {
  label: string;
  /** What it does, said before it is done. */
  warning: ReactNode;
  reason?: boolean;
  work: (reason: string) => Promise<unknown>;
  touched: string[];
  done?: () => void;
}

/** Asks before it is done, and why where the partner is told. */
export function AskedButton({ label, warning, reason, work, touched, done, ...button }: Asked) {
  const [why, setWhy] = useState('');
  const { t } = useWords();
  return (
    <FormButton {...button} label={label} work={() => work(why)} touched={touched} done={done} asked>
      <Text component="div" size="sm">
        {warning}
      </Text>
      {reason && (
        <Textarea
          label={t.common.why}
          value={why}
          maxLength={400}
          onChange={(event) => setWhy(event.currentTarget.value)}
        />
      )}
    </FormButton>
  );
}
