import { lazy, Suspense } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import { Empty, Loading } from './elements/empty.js';
import { ErrorBoundary } from './elements/error-boundary.js';
import { NoticeBoard } from './elements/notices.js';
import { SessionGate } from './session/session.js';
import { Shell } from './shell.js';
import { BoardPage } from './tasks/board-page.js';
import { ThreadListProvider } from './threads/thread-list.js';

// All but the board is loaded when it is first opened.
const TaskPage = lazy(() => import('./tasks/task-page.js'));
const AgentsPage = lazy(() => import('./agents/agents-page.js'));
const AgentPage = lazy(() => import('./agents/agent-page.js'));
const ThreadsPage = lazy(() => import('./threads/threads-page.js'));
const PlansPage = lazy(() => import('./plans/plans-page.js'));
const DecisionsPage = lazy(() => import('./decisions/decisions-page.js'));
const OrchestratorsPage = lazy(() => import('./orchestrators/orchestrators-page.js'));
const JobsPage = lazy(() => import('./jobs/jobs-page.js'));
const ActivityPage = lazy(() => import('./activity/activity-page.js'));
const SchemaPage = lazy(() => import('./schema/schema-page.js'));

export function App() {
  const [location] = useLocation();
  return (
    <NoticeBoard>
      <SessionGate>
        <ThreadListProvider>
          <Shell>
            {/* Another address is another chance. */}
            <ErrorBoundary key={location.split('/', 3).join('/')}>
              <Suspense fallback={<Loading />}>
                <Switch>
                  <Route path="/">
                    <BoardPage />
                  </Route>
                  <Route path="/ui/tasks/:id">{({ id }) => <TaskPage key={id} id={id} />}</Route>
                  <Route path="/ui/agents">
                    <AgentsPage />
                  </Route>
                  <Route path="/ui/agents/:id">{({ id }) => <AgentPage key={id} id={id} />}</Route>
                  <Route path="/ui/threads/:id?">{({ id }) => <ThreadsPage id={id} />}</Route>
                  <Route path="/ui/plans/:id?">{({ id }) => <PlansPage id={id} />}</Route>
                  <Route path="/ui/decisions/:id?">{({ id }) => <DecisionsPage id={id} />}</Route>
                  <Route path="/ui/orchestrators">
                    <OrchestratorsPage />
                  </Route>
                  <Route path="/ui/jobs/:id?">{({ id }) => <JobsPage id={id} />}</Route>
                  <Route path="/ui/activity">
                    <ActivityPage />
                  </Route>
                  <Route path="/ui/schema/:name?">{({ name }) => <SchemaPage name={name} />}</Route>
                  <Route>
                    <main className="page">
                      <Empty title="There is no such page">
                        <a href="/">Go to the board</a>
                      </Empty>
                    </main>
                  </Route>
                </Switch>
              </Suspense>
            </ErrorBoundary>
          </Shell>
        </ThreadListProvider>
      </SessionGate>
    </NoticeBoard>
  );
}
