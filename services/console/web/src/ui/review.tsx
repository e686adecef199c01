// What the operator of the node says of an app.
import { Alert } from '@mantine/core';
import type { Review } from '../gen/hansa/apps/v1/staff_pb';
import { useWords } from '../i18n';

export function ReviewNote({ review }: { review?: Review }) {
  const { t } = useWords();
  if (!review) return null;
  return (
    <Alert color={review.blocked ? 'red' : 'teal'} title={review.blocked ? t.apps.blocked : t.apps.reviewed}>
      {review.note}
    </Alert>
  );
}
