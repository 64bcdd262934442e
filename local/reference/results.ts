import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { ROOT } from '../stack/paths';

interface ResultField {
  name: string;
  type: string;
  isOptional: boolean;
  meaning: string;
}

/** A type of a result. */
export interface ResultType {
  name: string;
  meaning: string;
  fields: ResultField[];
}

type Declaration = ts.InterfaceDeclaration | ts.TypeAliasDeclaration;

/** They are in many results, and told once for all of them. */
const COMMON: readonly string[] = ['Listed', 'Target', 'FailedItem', 'SkippedItem'];

const MODEL = path.join(ROOT, 'src', 'model');
const WORKFLOWS = path.join(ROOT, 'src', 'workflows');

/** Results are types and no schemas, so the compiler tells what is in them, with the words of their comments. */
export class ResultTypes {
  private readonly checker: ts.TypeChecker;
  private readonly declarations: readonly Declaration[];

  constructor() {
    const program = ts.createProgram(ts.sys.readDirectory(MODEL, ['.ts']), {
      strict: true,
      types: [],
      lib: ['lib.es2023.d.ts'],
      module: ts.ModuleKind.CommonJS,
      moduleResolution: ts.ModuleResolutionKind.Node10,
      ignoreDeprecations: '6.0',
    });
    this.checker = program.getTypeChecker();
    this.declarations = program
      .getSourceFiles()
      .filter(isModel)
      .flatMap(({ statements }) => statements.filter(isDeclaration));
  }

  /** What a workflow returns, with the types that its fields name; the result itself is the first. */
  of(workflow: string): ResultType[] {
    const found = new Map<Declaration, ResultType>();
    const open = [this.declarationOf(resultName(workflow))];
    for (let next = open.shift(); next; next = open.shift()) {
      if (found.has(next) || COMMON.includes(next.name.text)) continue;
      found.set(next, this.read(next));
      open.push(...this.properties(next).flatMap((property) => this.namedIn(typeNodeOf(property))));
    }
    return [...found.values()];
  }

  /** What every page leaves out. */
  common(): ResultType[] {
    return COMMON.map((name) => this.read(this.declarationOf(name)));
  }

  private declarationOf(name: string): Declaration {
    const found = this.declarations.find((each) => each.name.text === name);
    if (!found) throw new Error(`src/model has no type ${name}: results are described there`);
    return found;
  }

  private read(declaration: Declaration): ResultType {
    const symbol = this.checker.getSymbolAtLocation(declaration.name);
    const fields = this.properties(declaration).map((property) => ({
      name: property.name,
      type: this.typeOf(property),
      isOptional: (property.flags & ts.SymbolFlags.Optional) !== 0,
      meaning: this.meaningOf(property),
    }));
    return { name: declaration.name.text, meaning: symbol ? this.meaningOf(symbol) : '', fields };
  }

  private properties({ name }: Declaration): ts.Symbol[] {
    return this.checker.getPropertiesOfType(this.checker.getTypeAtLocation(name));
  }

  private meaningOf(symbol: ts.Symbol): string {
    return ts.displayPartsToString(symbol.getDocumentationComment(this.checker));
  }

  /** As it is written, because names say more than what they stand for; a choice between texts is written out. */
  private typeOf(property: ts.Symbol): string {
    const node = typeNodeOf(property);
    const type = this.checker.getTypeOfSymbol(property);
    const isChoice = type.isUnion() && type.types.every((each) => each.isStringLiteral() || isAbsent(each));
    if (node && !isChoice) return node.getText().replace(/\/\*.*?\*\//gs, '');
    const flags = ts.TypeFormatFlags.InTypeAlias | ts.TypeFormatFlags.NoTruncation;
    return this.checker.typeToString(this.checker.getNonNullableType(type), undefined, flags);
  }

  /** The types of the model with fields of their own that a type names. */
  private namedIn(node: ts.Node | undefined): Declaration[] {
    if (!node) return [];
    const named = ts.isTypeReferenceNode(node) ? this.named(node.typeName) : [];
    const inside: Declaration[] = [];
    ts.forEachChild(node, (child) => {
      inside.push(...this.namedIn(child));
    });
    return [...named, ...inside];
  }

  private named(name: ts.EntityName): Declaration[] {
    const symbol = this.checker.getSymbolAtLocation(name);
    if (!symbol) return [];
    const isImported = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
    const { declarations = [] } = isImported ? this.checker.getAliasedSymbol(symbol) : symbol;
    return declarations.filter(
      (each): each is Declaration =>
        isDeclaration(each) && isModel(each.getSourceFile()) && this.hasFields(each),
    );
  }

  private hasFields({ name }: Declaration): boolean {
    const type = this.checker.getTypeAtLocation(name);
    const isObject = (each: ts.Type) => (each.flags & ts.TypeFlags.Object) !== 0;
    return (type.isUnionOrIntersection() ? type.types : [type]).every(isObject);
  }
}

function isDeclaration(node: ts.Node): node is Declaration {
  return ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
}

function isModel({ fileName }: ts.SourceFile): boolean {
  return path.normalize(fileName).startsWith(MODEL + path.sep);
}

function isAbsent({ flags }: ts.Type): boolean {
  return (flags & ts.TypeFlags.Undefined) !== 0;
}

function typeNodeOf({ valueDeclaration }: ts.Symbol): ts.TypeNode | undefined {
  return valueDeclaration && ts.isPropertySignature(valueDeclaration) ? valueDeclaration.type : undefined;
}

/** The name in `Promise<…>` of the function that is the workflow. */
function resultName(workflow: string): string {
  for (const statement of parsed(fileOf(workflow)).statements) {
    if (!ts.isFunctionDeclaration(statement) || statement.name?.text !== workflow) continue;
    const [result] = (statement.type as ts.TypeReferenceNode).typeArguments ?? [];
    if (result) return result.getText();
  }
  throw new Error(`${workflow} does not say what it returns`);
}

function fileOf(workflow: string): string {
  for (const statement of parsed(path.join(WORKFLOWS, 'contents.ts')).statements) {
    if (!ts.isExportDeclaration(statement) || !statement.exportClause || !statement.moduleSpecifier) continue;
    const { exportClause, moduleSpecifier } = statement;
    const names = ts.isNamedExports(exportClause) ? exportClause.elements.map(({ name }) => name.text) : [];
    if (names.includes(workflow) && ts.isStringLiteral(moduleSpecifier))
      return path.join(WORKFLOWS, `${moduleSpecifier.text}.ts`);
  }
  throw new Error(`src/workflows/contents.ts has no ${workflow}`);
}

function parsed(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
}
