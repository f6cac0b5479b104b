import { EnvelopArmor } from '@escape.tech/graphql-armor';
import { type ASTVisitor, GraphQLError, type ValidationContext } from 'graphql';
import { isAsyncIterable, type Plugin, type YogaInitialContext } from 'graphql-yoga';
import type { ErrorCode } from '../features/error-code.js';

/** How large a document may be. Generous: the introspection query and a screen full of fragments fit many times over. */
export const documentLimits = { depth: 15, aliases: 30, directives: 50, tokens: 5000 } as const;

/**
 * Refuses hostile documents before anything costly looks at them: too many tokens while parsing, the rest as the first
 * thing of validation. The introspection field `__schema` does not count towards the depth.
 */
export function useDocumentLimits(): Plugin {
  const armor = new EnvelopArmor<YogaInitialContext>({
    maxDepth: limit(documentLimits.depth, 'DOCUMENT_TOO_DEEP', 'levels of fields'),
    maxAliases: limit(documentLimits.aliases, 'DOCUMENT_TOO_MANY_ALIASES', 'aliases'),
    maxDirectives: limit(documentLimits.directives, 'DOCUMENT_TOO_MANY_DIRECTIVES', 'directives'),
    maxTokens: limit(documentLimits.tokens, 'DOCUMENT_TOO_LARGE', 'tokens'),
    costLimit: { enabled: false },
    // Introspection is open, so hiding the suggestions would protect nothing and cost every client a good hint.
    blockFieldSuggestion: { enabled: false },
  });
  return {
    onPluginInit({ addPlugin }) {
      for (const plugin of armor.protect().plugins) addPlugin(plugin);
    },
    // Within the limit of tokens, values may still be nested deeper than a stack.
    onParse:
      () =>
      ({ result, replaceParseResult }) => {
        if (result instanceof RangeError) replaceParseResult(tooDeepForStack());
      },
    // A limit stops validation by throwing. As a validation error it is cached, and cannot tear down a websocket.
    onValidate({ validateFn, setValidationFn, addValidationRule }) {
      addValidationRule(refuseIntrospectionAliases);
      setValidationFn((...args: Parameters<typeof validateFn>) => {
        try {
          return validateFn(...args);
        } catch (error) {
          if (error instanceof DocumentLimitError) return [error];
          if (error instanceof RangeError) return [tooDeepForStack()];
          throw error;
        }
      });
    },
    // 400 for every client: Yoga would have those that accept application/json told 200, as for any other document that
    // is wrong.
    onResultProcess({ result }) {
      if (Array.isArray(result) || isAsyncIterable(result)) return;
      for (const error of result.errors ?? []) {
        if (error instanceof DocumentLimitError) error.extensions.http = { status: 400 };
      }
    },
  };
}

class DocumentLimitError extends GraphQLError {}

/**
 * Fields of the schema itself have no price. Each asked for once, they are bounded by the schema; under many names they would
 * multiply with each level.
 */
function refuseIntrospectionAliases(context: ValidationContext): ASTVisitor {
  return {
    Field({ name, alias }) {
      if (!alias || !(name.value === '__schema' || context.getParentType()?.name.startsWith('__'))) return;
      throw new DocumentLimitError('The schema is to be asked for without aliases.', {
        extensions: { code: 'DOCUMENT_TOO_MANY_ALIASES' satisfies ErrorCode },
      });
    },
  };
}

function tooDeepForStack(): DocumentLimitError {
  return new DocumentLimitError('The document nests deeper than the server can read. Ask in several requests.', {
    extensions: { code: 'DOCUMENT_TOO_DEEP' satisfies ErrorCode },
  });
}

function limit(count: number, code: ErrorCode, things: string) {
  const refuse = () => {
    throw new DocumentLimitError(`The document is over the limit of ${count} ${things}. Ask in several requests.`, {
      extensions: { code },
    });
  };
  return { enabled: true, n: count, onReject: [refuse] };
}
