using Xunit.v3;

namespace VirtuaLinux.EndToEnd;

/// <summary>Runs the tests of a class by name: the scenarios on one cluster build on each other.</summary>
public sealed class AlphabeticalOrder : ITestMethodOrderer
{
    public IReadOnlyCollection<TTestMethod?> OrderTestMethods<TTestMethod>(IReadOnlyCollection<TTestMethod?> testMethods) where TTestMethod : notnull, Xunit.Sdk.ITestMethod =>
        [.. testMethods.OrderBy(m => m?.MethodName, StringComparer.Ordinal)];
}
