import { ApplicationFailure } from '@temporalio/common';
import {
  changedFailure,
  conflict,
  finalFailure,
  incompleteAnswer,
  notFound,
  notYetVisible,
  passingFailure,
} from '../../../src/aws/applicationFailures';
import { FAILURE } from '../../../src/model/failures';

describe('failures of activities', () => {
  it.each([
    [notYetVisible('why'), FAILURE.notYetVisible, false],
    [incompleteAnswer('why'), FAILURE.serviceError, false],
    [passingFailure(FAILURE.conflict, 'why'), FAILURE.conflict, false],
    [conflict('why'), FAILURE.conflict, true],
    [notFound('why'), FAILURE.notFound, true],
    [finalFailure(FAILURE.resourceFailed, 'why'), FAILURE.resourceFailed, true],
  ])('are of one type, and final or not: %#', (failure, type, nonRetryable) => {
    expect(failure).toMatchObject({ message: 'why', type, nonRetryable, details: [] });
  });

  it('are the same but for what is changed', () => {
    const cause = new Error('AWS');
    const failure = ApplicationFailure.create({ message: 'why', type: 'Conflict', details: [1], cause });
    expect(changedFailure(failure, { nextRetryDelay: 1000 })).toMatchObject({
      ...{ message: 'why', type: 'Conflict', nonRetryable: false, details: [1], cause, nextRetryDelay: 1000 },
    });
    expect(changedFailure(failure, { message: 'more', nonRetryable: true })).toMatchObject({
      ...{ message: 'more', type: 'Conflict', nonRetryable: true, details: [1], cause },
    });
  });
});
