import {
  buildClientSchema,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type GraphQLType,
  getIntrospectionQuery,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  parse,
} from 'graphql';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { Link } from 'wouter';
import { Empty, Failure, Loading } from '../elements/empty.js';
import { Markdown } from '../elements/markdown.js';
import { useSession } from '../session/session.js';
import './schema-page.css';

/** The API as its schema describes it, which the server is asked for: so it is never older than the server. */
export default function SchemaPage({ name }: { name: string | undefined }) {
  const { client } = useSession();
  const [schema, setSchema] = useState<GraphQLSchema>();
  const [error, setError] = useState<Error>();
  const [wanted, setWanted] = useState('');
  useEffect(() => {
    const ending = new AbortController();
    client
      .request(parse(getIntrospectionQuery()) as never, {}, { signal: ending.signal })
      .then((answer) => setSchema(buildClientSchema(answer as never)))
      .catch((reason) => !ending.signal.aborted && setError(reason));
    return () => ending.abort();
  }, [client]);
  const groups = useMemo(() => schema && groupsOf(schema), [schema]);
  if (!schema || !groups) return <main className="page">{error ? <Failure error={error} /> : <Loading />}</main>;
  const shown = schema.getType(name ?? 'Query');
  const text = wanted.trim().toLowerCase();
  return (
    <main className="page">
      <div className="page-head">
        <h1>Schema</h1>
        <p>
          Everything that <a href="/graphql">the API</a> can do, in its own words.
        </p>
      </div>
      <div className="schema">
        <nav className="schema-nav" aria-label="Types">
          <input
            type="search"
            aria-label="Find a type or a field"
            placeholder="Find a type or a field"
            value={wanted}
            onChange={(event) => setWanted(event.target.value)}
          />
          {groups.map(({ title, types }) => {
            const found = types.filter((type) => isLike(type, text));
            if (found.length === 0) return null;
            return (
              <details key={title} open={text !== '' || types.some((type) => type === shown)}>
                <summary>
                  {title} <small>{found.length}</small>
                </summary>
                <ul className="list">
                  {found.map((type) => (
                    <li key={type.name}>
                      <Link href={`/ui/schema/${type.name}`} aria-current={type === shown ? 'page' : undefined}>
                        {type.name}
                      </Link>
                    </li>
                  ))}
                </ul>
              </details>
            );
          })}
        </nav>
        {shown ? (
          <Type key={shown.name} type={shown} schema={schema} wanted={text} />
        ) : (
          <Empty title={`The schema has no ${name}`} />
        )}
      </div>
    </main>
  );
}

function groupsOf(schema: GraphQLSchema): { title: string; types: GraphQLNamedType[] }[] {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].filter((type) => !!type);
  const others = Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !roots.some((root) => root === type))
    .toSorted((one, other) => one.name.localeCompare(other.name));
  const isPlumbing = ({ name }: GraphQLNamedType) => /(Connection|Edge|Payload)$/.test(name) || name === 'PageInfo';
  const isEvent = (type: GraphQLNamedType) =>
    (isObjectType(type) || isInterfaceType(type)) &&
    (type.name === 'Event' || type.getInterfaces().some(({ name }) => name === 'Event'));
  return [
    { title: 'Operations', types: roots },
    {
      title: 'Things',
      types: others.filter((type) => (isObjectType(type) || isInterfaceType(type)) && !isPlumbing(type) && !isEvent(type)),
    },
    { title: 'Events', types: others.filter(isEvent) },
    { title: 'Inputs', types: others.filter(isInputObjectType) },
    { title: 'Enums', types: others.filter(isEnumType) },
    { title: 'Scalars', types: others.filter(isScalarType) },
    { title: 'Payloads and pages', types: others.filter(isPlumbing) },
  ];
}

function isLike(type: GraphQLNamedType, text: string): boolean {
  if (text === '' || type.name.toLowerCase().includes(text)) return true;
  return 'getFields' in type && Object.keys(type.getFields()).some((field) => field.toLowerCase().includes(text));
}

function Type({ type, schema, wanted }: { type: GraphQLNamedType; schema: GraphQLSchema; wanted: string }) {
  const interfaces = isObjectType(type) || isInterfaceType(type) ? type.getInterfaces() : [];
  const possible = isInterfaceType(type) ? schema.getPossibleTypes(type) : [];
  return (
    <article className="panel schema-type">
      <header>
        <h2>{type.name}</h2>
        <span className="tag">{kindOf(type)}</span>
      </header>
      <div className="panel-body">
        {type.description && <Markdown text={type.description} />}
        {interfaces.length > 0 && <Names title="Is a" types={interfaces} />}
        {possible.length > 0 && <Names title="Is one of" types={possible} />}
        {isEnumType(type) && (
          <dl className="schema-fields">
            {type.getValues().map(({ name, description, deprecationReason }) => (
              <Entry key={name} signature={<code>{name}</code>} description={description} deprecation={deprecationReason} />
            ))}
          </dl>
        )}
        {'getFields' in type && (
          <dl className="schema-fields">
            {Object.values<GraphQLField<unknown, unknown> | GraphQLInputField>(type.getFields())
              .toSorted((one, other) => Number(isFound(other.name, wanted)) - Number(isFound(one.name, wanted)))
              .map((field) => (
                <Entry
                  key={field.name}
                  signature={<Signature field={field} />}
                  description={field.description}
                  deprecation={field.deprecationReason}
                >
                  {'args' in field && field.args.length > 0 && (
                    <dl className="schema-arguments">
                      {field.args.map((argument) => (
                        <Entry
                          key={argument.name}
                          signature={<Signature field={argument} />}
                          description={argument.description}
                          deprecation={argument.deprecationReason}
                        />
                      ))}
                    </dl>
                  )}
                </Entry>
              ))}
          </dl>
        )}
      </div>
    </article>
  );
}

function isFound(name: string, wanted: string): boolean {
  return wanted !== '' && name.toLowerCase().includes(wanted);
}

function Entry({
  signature,
  description,
  deprecation,
  children,
}: {
  signature: ReactNode;
  description: string | null | undefined;
  deprecation: string | null | undefined;
  children?: ReactNode;
}) {
  return (
    <div>
      <dt>{signature}</dt>
      <dd>
        {description && <Markdown text={description} />}
        {deprecation && <p className="schema-deprecated">Deprecated: {deprecation}</p>}
        {children}
      </dd>
    </div>
  );
}

function Signature({ field }: { field: { name: string; type: GraphQLType; defaultValue?: unknown } }) {
  const named = getNamedType(field.type);
  const [before = '', after = ''] = String(field.type).split(named.name);
  return (
    <code>
      <b>{field.name}</b>: {before}
      <Link href={`/ui/schema/${named.name}`}>{named.name}</Link>
      {after}
      {field.defaultValue !== undefined && ` = ${JSON.stringify(field.defaultValue)}`}
    </code>
  );
}

function Names({ title, types }: { title: string; types: readonly GraphQLNamedType[] }) {
  return (
    <p className="schema-names">
      {title}{' '}
      {types.map(({ name }) => (
        <Link key={name} href={`/ui/schema/${name}`}>
          {name}
        </Link>
      ))}
    </p>
  );
}

function kindOf(type: GraphQLNamedType): string {
  if (isEnumType(type)) return 'enum';
  if (isInputObjectType(type)) return 'input';
  if (isInterfaceType(type)) return 'interface';
  return isScalarType(type) ? 'scalar' : 'type';
}
