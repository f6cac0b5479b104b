import { Component, type ReactNode } from 'react';

/**
 * Stands in for a page that broke, so that the rest goes on. The usual reason is a newer server: the parts of the page that are
 * loaded when they are needed have other names there.
 */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <main className="page">
        <div className="failure" role="alert">
          <p>
            <strong>This page cannot be shown.</strong> The server may have been updated since you opened it. ({error.message})
          </p>
          <button type="button" className="button" onClick={() => location.reload()}>
            Reload
          </button>
        </div>
      </main>
    );
  }
}
