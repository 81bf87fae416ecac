import { describe, expect, it } from 'vitest';
import { ConfigError, list, validate, type Fault } from '../../src/core/options.js';
import { inspectTargetSet, resolveTarget, targetField, type TargetEntry } from '../../src/core/target-options.js';

function faultsOf(value: unknown): string[] {
  try {
    validate('a piece', value, list(targetField), 'targets');
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

function setFaults(...entries: TargetEntry[]): string[] {
  const faults: Fault[] = [];
  inspectTargetSet(entries, 'targets', faults);
  return faults.map(({ path, message }) => `${path}: ${message}`);
}

const url = 'http://users:3001';

describe('targetField', () => {
  it.each<[unknown]>([
    [url],
    ['https://users.internal/base/path/'],
    ['http://[::1]:80'],
    [{ url }],
    [{ url, weight: 0, zone: 'eu-west-1a', priority: 65_535 }],
    [{ url, weight: 0.5, backup: true, zone: '' }],
    [{ url, weight: 1_000_000, priority: 0, backup: undefined }],
  ])('takes %j', (entry) => {
    expect(faultsOf([entry])).toEqual([]);
  });

  it.each([
    'users:3001',
    'users',
    '',
    '/users',
    'ftp://users',
    'unix:/run/users.sock',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http://',
    'http://users:99999',
    'http://ann@users',
    'http://:secret@users',
    'http://users?a=b',
    'http://users#a',
    'http://users?',
    'http://users#',
    ' http://users',
    'http://us\ners',
    'http:users',
  ])('refuses the URL %j, alone and in an object', (bad) => {
    expect(faultsOf([bad])).toEqual([expect.stringMatching(/^targets\[0\]: got .*, expected an http:\/\/ or https:/)]);
    expect(faultsOf([{ url: bad }])).toEqual([expect.stringMatching(/^targets\[0\]\.url: got /)]);
  });

  it('prints no password', () => {
    const all = [...faultsOf(['http://ann:hunter2@users']), ...faultsOf([{ url: 'http://ann:hunter2@users' }])];
    expect(all).toHaveLength(2);
    expect(all.join()).not.toContain('hunter2');
  });

  it.each<[unknown, unknown[]]>([
    [{ weight: 1 }, [expect.stringMatching(/^targets\[0\]\.url: missing/)]],
    [{ url, weight: -1 }, [expect.stringMatching(/^targets\[0\]\.weight: got -1, expected a number from 0/)]],
    [{ url, weight: Number.NaN }, [expect.stringMatching(/^targets\[0\]\.weight: got NaN/)]],
    [{ url, weight: Infinity }, [expect.stringMatching(/^targets\[0\]\.weight: got Infinity/)]],
    [{ url, weight: '5' }, [expect.stringMatching(/^targets\[0\]\.weight: got "5"/)]],
    [{ url, weight: 1_000_001 }, [expect.stringMatching(/^targets\[0\]\.weight: /)]],
    [{ url, priority: -1 }, [expect.stringMatching(/^targets\[0\]\.priority: /)]],
    [{ url, priority: 1.5 }, [expect.stringMatching(/^targets\[0\]\.priority: /)]],
    [{ url, priority: 65_536 }, [expect.stringMatching(/^targets\[0\]\.priority: /)]],
    [{ url, backup: 1 }, [expect.stringMatching(/^targets\[0\]\.backup: /)]],
    [{ url, backup: true, priority: 1 }, ['targets[0]: backup is another name for priority: 1; keep one']],
    [{ url, wieght: 2 }, ['targets[0].wieght: unknown option; did you mean weight?']],
    [null, [expect.stringMatching(/^targets\[0\]: got null/)]],
    [[url], [expect.stringMatching(/^targets\[0\]: got a list of 1/)]],
    [new URL(url), [expect.stringMatching(/^targets\[0\]: got an object/)]],
  ])('refuses %j', (entry, expected) => {
    expect(faultsOf([entry])).toEqual(expected);
  });

  it('tells all faults at once', () => {
    const all = faultsOf([{ url: 'users', weight: -1, zone: 5, backup: true, priority: 2 }, 'ftp://users']);
    expect(all.map((fault) => fault.slice(0, fault.indexOf(': ')))).toEqual([
      'targets[0].url',
      'targets[0].weight',
      'targets[0].zone',
      'targets[0]',
      'targets[1]',
    ]);
  });
});

describe('resolveTarget', () => {
  it('writes everything out', () => {
    expect(resolveTarget(url)).toEqual({ url, weight: 1, zone: '', priority: 0 });
    const given = { url, weight: 0, zone: 'a', priority: 3 };
    expect(resolveTarget(given)).toEqual(given);
    expect(resolveTarget({ url, backup: true }).priority).toBe(1);
    expect(resolveTarget({ url, backup: false }).priority).toBe(0);
  });

  it.each([
    ['HTTP://Users:80/', 'http://users'],
    ['https://users:443', 'https://users'],
    ['http://users/api/', 'http://users/api'],
    ['http://users/a/../b', 'http://users/b'],
    ['http://127.1:3001', 'http://127.0.0.1:3001'],
  ])('gives %j its normal form', (given, expected) => {
    expect(resolveTarget(given).url).toBe(expected);
  });
});

describe('inspectTargetSet', () => {
  it('has nothing to say of targets that differ, be it in port, scheme or path', () => {
    expect(setFaults(url, 'http://users:3002', 'https://users:3001', `${url}/v2`)).toEqual([]);
    expect(setFaults()).toEqual([]);
  });

  it('finds the same target in every spelling', () => {
    expect(
      setFaults('http://users', { url: 'http://orders', weight: 2 }, 'http://USERS:80/', { url: 'http://orders/' }),
    ).toEqual([
      'targets[2]: http://users is targets[0] already; leave one out',
      'targets[3]: http://orders is targets[1] already; leave one out',
    ]);
  });

  it('finds weights that leave nothing to send to', () => {
    const message = 'targets: every weight is 0, so that nothing would get a request; give one more';
    expect(setFaults({ url, weight: 0 })).toEqual([message]);
    expect(setFaults({ url, weight: 0 }, { url: 'http://b', weight: 0 })).toEqual([message]);
    expect(setFaults({ url, weight: 0 }, 'http://b')).toEqual([]);
  });
});
