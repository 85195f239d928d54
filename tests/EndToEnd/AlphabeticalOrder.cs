using Xunit.Sdk;
using Xunit.v3;

namespace VirtuaLinux.EndToEnd;

/// <summary>Runs the tests of a class by name: the scenarios on one cluster build on each other.</summary>
public sealed class AlphabeticalOrder : ITestCaseOrderer
{
    public IReadOnlyCollection<TTestCase> OrderTestCases<TTestCase>(IReadOnlyCollection<TTestCase> testCases) where TTestCase : notnull, ITestCase =>
        [.. testCases.OrderBy(t => t.TestMethod?.MethodName, StringComparer.Ordinal)];
}
