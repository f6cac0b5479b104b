import { type ReactNode, useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { Avatar } from './elements/avatar.js';
import {
  ActivityIcon,
  AgentIcon,
  BoardIcon,
  BookIcon,
  CloseIcon,
  DecisionIcon,
  JobIcon,
  LeaveIcon,
  Logo,
  MoreIcon,
  OrchestratorIcon,
  PlanIcon,
  PlayIcon,
  SchemaIcon,
  ThreadIcon,
} from './elements/icons.js';
import { ThemeToggle } from './elements/theme.js';
import { OrganizationsDocument } from './generated.js';
import { Connection } from './live/connection.js';
import { useLiveQuery } from './live/use-live-query.js';
import { useSession } from './session/session.js';
import { useUnreadCount } from './threads/thread-list.js';
import './shell.css';

const places = [
  { path: '/', name: 'Board', Icon: BoardIcon },
  { path: '/ui/agents', name: 'Agents', Icon: AgentIcon },
  { path: '/ui/threads', name: 'Threads', Icon: ThreadIcon },
  { path: '/ui/plans', name: 'Plans', Icon: PlanIcon },
  { path: '/ui/decisions', name: 'Decisions', Icon: DecisionIcon },
  { path: '/ui/orchestrators', name: 'Orchestrators', Icon: OrchestratorIcon },
  { path: '/ui/jobs', name: 'Jobs', Icon: JobIcon },
  { path: '/ui/activity', name: 'Activity', Icon: ActivityIcon },
] as const;

/** What stands around every page: where one can go, who one is, and whether what one sees is live. */
export function Shell({ children }: { children: ReactNode }) {
  const [location] = useLocation();
  const [isMenuOpen, setMenuOpen] = useState(false);
  const unreadCount = useUnreadCount();
  const here = places.findLast(({ path }) =>
    path === '/' ? location === '/' || location.startsWith('/ui/tasks') : location.startsWith(path),
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: each address is another page.
  useEffect(() => {
    document.title = `${here?.name ?? 'Schema'} · Baton`;
    setMenuOpen(false);
    // Another page begins at its top.
    scrollTo(0, 0);
  }, [here, location]);

  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="shell-top">
        <button
          type="button"
          className="icon-button shell-menu"
          aria-expanded={isMenuOpen}
          aria-controls="navigation"
          aria-label={isMenuOpen ? 'Close the menu' : 'Open the menu'}
          onClick={() => setMenuOpen(!isMenuOpen)}
        >
          {isMenuOpen ? <CloseIcon /> : <MoreIcon />}
        </button>
        <Link className="shell-brand" href="/" aria-label="Baton">
          <Logo />
          <span>Baton</span>
        </Link>
        <OrganizationChoice />
        <div className="shell-state">
          <Connection />
          <ThemeToggle />
          <Viewer />
        </div>
      </header>
      <nav id="navigation" className={`shell-nav ${isMenuOpen ? 'shell-nav-open' : ''}`} aria-label="Main">
        <ul className="list">
          {places.map(({ path, name, Icon }) => (
            <li key={path}>
              <Link href={path} aria-current={here?.path === path ? 'page' : undefined}>
                <Icon />
                <span>{name}</span>
                {name === 'Threads' && unreadCount > 0 && (
                  <span className="shell-unread">
                    {unreadCount > 99 ? '99+' : unreadCount}
                    <span className="visually-hidden"> unread</span>
                  </span>
                )}
              </Link>
            </li>
          ))}
        </ul>
        <p className="shell-section">API</p>
        <ul className="list">
          <li>
            <a href="/graphql">
              <PlayIcon />
              <span>GraphiQL</span>
            </a>
          </li>
          <li>
            <Link href="/ui/schema" aria-current={location.startsWith('/ui/schema') ? 'page' : undefined}>
              <SchemaIcon />
              <span>Schema</span>
            </Link>
          </li>
          <li>
            <a href="/docs">
              <BookIcon />
              <span>REST</span>
            </a>
          </li>
        </ul>
      </nav>
      <div className="shell-content" id="content" tabIndex={-1}>
        {children}
      </div>
    </div>
  );
}

/** For the operator of a server with several organizations; for others, the name of theirs. */
function OrganizationChoice() {
  const { viewer, enter } = useSession();
  const { data } = useLiveQuery(OrganizationsDocument, {}, (event) => event.kind === 'ORGANIZATION_CREATED');
  const organizations = data?.organizations.nodes ?? [];
  if (!viewer.isOperator || organizations.length < 2)
    return <span className="shell-organization">{viewer.organization.name}</span>;
  return (
    <select
      className="shell-organization"
      aria-label="Organization"
      value={viewer.organization.slug}
      onChange={(event) => enter(event.target.value)}
    >
      {organizations.map(({ id, slug, name }) => (
        <option key={id} value={slug}>
          {name}
        </option>
      ))}
    </select>
  );
}

function Viewer() {
  const { viewer, mayLeave, leave } = useSession();
  const name = viewer.actor?.name ?? (viewer.kind === 'OPEN' ? 'Operator' : 'Admin token');
  return (
    <span
      className="shell-viewer"
      title={viewer.kind === 'OPEN' ? 'Open development mode: whoever is here runs the server' : undefined}
    >
      <Avatar name={name} isAgent={viewer.actor?.__typename === 'Agent'} />
      <span className="shell-viewer-name">{name}</span>
      {mayLeave && (
        <button type="button" className="icon-button" aria-label="Sign out" title="Sign out" onClick={leave}>
          <LeaveIcon />
        </button>
      )}
    </span>
  );
}
