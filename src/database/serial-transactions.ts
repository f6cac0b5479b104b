import { PrismaPg } from '@prisma/adapter-pg';
import type { Transaction } from '@prisma/driver-adapter-utils';

/**
 * Prisma's way to Postgres, with the statements of a transaction one after another.
 *
 * Prisma loads the relations of one read side by side. A transaction has one connection for them, and pg warns that it will
 * stop queueing what a busy connection is given: so they wait here. Unneeded once the adapter does so itself
 * (prisma/orm pull request 29979).
 */
export class SerialPrismaPg extends PrismaPg {
  override async connect(): ReturnType<PrismaPg['connect']> {
    const adapter = await super.connect();
    const start = adapter.startTransaction.bind(adapter);
    adapter.startTransaction = async (isolationLevel) => oneAtATime(await start(isolationLevel));
    return adapter;
  }
}

function oneAtATime<Tx extends Transaction>(transaction: Tx): Tx {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn =
    <Query, Result>(run: (query: Query) => Promise<Result>) =>
    (query: Query): Promise<Result> => {
      const result = last.then(() => run(query));
      last = result.catch(() => {});
      return result;
    };
  transaction.queryRaw = inTurn(transaction.queryRaw.bind(transaction));
  transaction.executeRaw = inTurn(transaction.executeRaw.bind(transaction));
  return transaction;
}
