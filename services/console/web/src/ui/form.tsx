// A form out of the JSON Schema that stands in a kind. The library lays it out; fields that only we know (x-hansa-control) are ours.
import Form from '@rjsf/mantine';
import { englishStringTranslator, type RJSFSchema, type UiSchema, type ValidatorType } from '@rjsf/utils';
import { useMemo, useState } from 'react';
import type { FileRef } from '../gen/hansa/files/v1/types_pb';
import { type Language, useWords } from '../i18n';
import { type Files, fields } from './fields';
import { hexOf } from './hex';
import { inOrder } from './order';

type Control =
  | 'text'
  | 'number'
  | 'date'
  | 'select'
  | 'money'
  | 'file'
  | 'product'
  | 'staff'
  | 'partner'
  | 'location'
  | 'table';
type Field = RJSFSchema & { 'x-hansa-control'?: Control; 'x-hansa-titles'?: Record<string, string> };

/** The server decides what a form may say, and its refusal names the field: code that is made of a schema is not run here. */
const validator: ValidatorType = {
  validateFormData: () => ({ errors: [], errorSchema: {} }),
  isValid: () => true,
  rawValidation: () => ({ errors: [] }),
};

const plain = (word: string) => word.charAt(0).toUpperCase() + word.slice(1).replaceAll('_', ' ');

/** What the library needs to know of a schema, in the language of whoever reads it. */
function shown(schema: Field, language: Language): { schema: RJSFSchema; ui: UiSchema } {
  const control = schema['x-hansa-control'];
  const title = schema['x-hansa-titles']?.[language] ?? schema.title;
  const all: RJSFSchema = { ...schema, title };
  const ui: UiSchema = {};
  if (schema.properties) {
    // The library wants each field named, and lays them out so.
    ui['ui:order'] = inOrder(schema);
    all.properties = {};
    for (const [name, field] of Object.entries(schema.properties)) {
      const inner = shown(field as Field, language);
      all.properties[name] = { ...inner.schema, title: inner.schema.title ?? plain(name) };
      ui[name] = inner.ui;
    }
  }
  if (control === 'table' && schema.items && typeof schema.items === 'object') {
    const inner = shown(schema.items as Field, language);
    all.type = 'array';
    all.items = { type: 'object', ...inner.schema };
    ui.items = inner.ui;
  }
  if (control && control in fields) {
    ui['ui:field'] = control;
    all.type = control === 'money' || control === 'product' ? 'object' : schema.type === 'array' ? 'array' : 'string';
  }
  if (control === 'select') {
    all.type ??= 'string';
    ui['ui:enumNames'] = (schema.enum ?? []).map((one) => plain(String(one)));
  }
  if (control === 'number') all.type ??= 'number';
  if (control === 'date') {
    all.type = 'string';
    ui['ui:options'] = { inputType: 'date' };
  }
  if (control === 'text') {
    all.type ??= 'string';
    if ((schema.maxLength ?? 0) > 200) ui['ui:widget'] = 'textarea';
  }
  return { schema: all, ui };
}

/** What is empty says nothing. */
function said(value: unknown): unknown {
  if (Array.isArray(value)) {
    const some = value.map(said).filter((one) => one !== undefined);
    return some.length > 0 ? some : undefined;
  }
  if (value && typeof value === 'object') {
    const some = Object.entries(value).flatMap(([name, inner]) => {
      const kept = said(inner);
      return kept === undefined ? [] : [[name, kept] as const];
    });
    return some.length > 0 ? Object.fromEntries(some) : undefined;
  }
  return value === '' || value === null ? undefined : value;
}

interface Props {
  schema: unknown;
  json: string;
  files: FileRef[];
  change: (json: string, files: FileRef[]) => void;
}

export default function SchemaForm({ schema, json, files, change }: Props) {
  const { t, language } = useWords();
  const laid = useMemo(() => shown(schema as Field, language), [schema, language]);
  const [data, setData] = useState<unknown>(() => JSON.parse(json || '{}'));
  const [all, setAll] = useState(files);
  const tell = (next: unknown, refs: FileRef[]) => {
    const text = JSON.stringify(said(next) ?? {});
    change(
      text,
      refs.filter((ref) => text.includes(hexOf(ref.hash))),
    );
  };
  const context: { files: Files } = {
    files: {
      add: (refs) => setAll((before) => [...before, ...refs]),
      nameOf: (hash) => all.find((ref) => hexOf(ref.hash) === hash)?.name ?? hash.slice(0, 8),
    },
  };
  return (
    <Form
      tagName="div"
      className="schema-form"
      schema={laid.schema}
      uiSchema={{ ...laid.ui, 'ui:submitButtonOptions': { norender: true } }}
      validator={validator}
      formData={data}
      formContext={context}
      fields={fields}
      showErrorList={false}
      noHtml5Validate
      translateString={(text, params) => t.form[text as keyof typeof t.form] ?? englishStringTranslator(text, params)}
      onChange={({ formData }) => {
        setData(formData);
        tell(formData, all);
      }}
    />
  );
}
