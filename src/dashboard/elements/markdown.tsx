import { compiler } from 'markdown-to-jsx/react';
import { useMemo } from 'react';

/**
 * Markdown from agents and people, who are not to be trusted: it becomes React elements, never HTML. Tags in it are shown as
 * text, addresses that would run script are dropped, and pictures become links, since a picture from elsewhere tells
 * whoever serves it who reads this.
 */
export function Markdown({ text }: { text: string }) {
  const content = useMemo(
    () =>
      compiler(text, {
        disableParsingRawHTML: true,
        forceBlock: true,
        wrapper: 'div',
        overrides: {
          a: { component: OutsideLink },
          img: { component: PictureLink },
          h1: { component: 'h3' },
          h2: { component: 'h4' },
          h3: { component: 'h5' },
          h4: { component: 'h6' },
          h5: { component: 'h6' },
        },
      }),
    [text],
  );
  return <div className="markdown">{content}</div>;
}

function OutsideLink({ href, title, children }: React.ComponentProps<'a'>) {
  return (
    <a href={href} title={title} rel="noreferrer nofollow" target={href?.startsWith('#') ? undefined : '_blank'}>
      {children}
    </a>
  );
}

function PictureLink({ src, alt }: React.ComponentProps<'img'>) {
  return <OutsideLink href={typeof src === 'string' ? src : undefined}>{alt || 'picture'}</OutsideLink>;
}
