import {
  methodOf,
  OPERATION_NAMES,
  OPERATIONS,
  type Lab,
  type MethodOf,
  type OperationName,
} from '../model/operations';
import type { Holdfast, OperationInput, OperationOptions, OperationResult } from './operations';

type Run<Name extends OperationName> = (
  holdfast: Holdfast,
  input: OperationInput<Name>,
  options?: OperationOptions,
) => Promise<OperationResult<Name>>;

/** Each operation as a function of a connection. */
export function operationFunctions(): { readonly [Name in OperationName]: Run<Name> } {
  const run =
    (name: OperationName): Run<typeof name> =>
    (holdfast, input, options) =>
      holdfast.run(name, input, options);
  const functions = OPERATION_NAMES.map((name) => [name, run(name)] as const);
  return Object.fromEntries(functions) as { [Name in OperationName]: Run<Name> };
}

/** The same, bound to a connection. */
type Bound<Name extends OperationName> = (
  input: OperationInput<Name>,
  options?: OperationOptions,
) => Promise<OperationResult<Name>>;

type Offered<In extends Lab> = {
  readonly [
    Name in OperationName as (typeof OPERATIONS)[Name]['lab'] extends In ? MethodOf<Name> : never
  ]: Bound<Name>;
};

/** The class that offers the operations of a lab as methods. */
export function labOf<In extends Lab>(lab: In): new (holdfast: Holdfast) => Offered<In> {
  class Manager {
    constructor(holdfast: Holdfast) {
      const run =
        (name: OperationName): Bound<typeof name> =>
        (input, options) =>
          holdfast.run(name, input, options);
      const offered = OPERATION_NAMES.filter((name) => OPERATIONS[name].lab === lab);
      Object.assign(this, Object.fromEntries(offered.map((name) => [methodOf(name), run(name)])));
    }
  }
  return Manager as unknown as new (holdfast: Holdfast) => Offered<In>;
}
